// What all optimizers share: groups, state, saving and restoring, conversion between storages.
#include "optim/optimizer.h"

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "optim/adamw.h"
#include "optim/sgd.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

TEST(Optimizer, StepLeavesTheGradients) {
  ParameterList model = separate_qkv(0);
  SGD sgd(model, {.lr = 0.5});
  set_gradients(model, 0);
  const std::vector<double> gradient = model[0].tensor.grad().to_vector(),
                            before = model[0].tensor.to_vector();
  sgd.step();
  EXPECT_EQ(model[0].tensor.grad().to_vector(), gradient);
  const std::vector<double> after = model[0].tensor.to_vector();
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NEAR(after[i], before[i] - 0.5 * gradient[i], 1e-6);
  sgd.zero_grad();
  EXPECT_FALSE(model[0].tensor.grad().defined());
  EXPECT_THROW(SGD(ParameterList{}), Error);
}

TEST(Optimizer, AParameterWithoutAGradientIsLeftAlone) {
  ParameterList model = separate_qkv(0);
  AdamW adam(model, {.lr = 0.1});
  model[1].tensor.set_grad(ones(model[1].tensor.shape()));
  const std::vector<double> untouched = model[0].tensor.to_vector(), changed = model[1].tensor.to_vector();
  adam.step();
  EXPECT_EQ(model[0].tensor.to_vector(), untouched);
  EXPECT_NE(model[1].tensor.to_vector(), changed);
  const ParameterList steps = adam.state().at("step");
  EXPECT_EQ(steps[0].tensor.item(), 0);
  EXPECT_EQ(steps[1].tensor.item(), 1);
}

TEST(Optimizer, AStepAfterSavingForTheGradientIsNoticed) {
  ParameterList model = separate_qkv(0);
  SGD sgd(model);
  Tensor w = model[0].tensor;
  const Tensor loss = sum(w * w);
  set_gradients(model, 0);
  sgd.step();
  EXPECT_THROW(backward(loss), Error);
}

TEST(Optimizer, GroupsHaveTheirOwnOptions) {
  ParameterList model = separate_qkv(0);
  SGD sgd(SGD::Groups{{{model[0]}, {.lr = 1.0}}, {{model[1], model[2]}, {.lr = 0.0}}});
  const std::vector<double> still = model[1].tensor.to_vector(), before = model[0].tensor.to_vector();
  set_gradients(model, 0);
  sgd.step();
  EXPECT_EQ(model[1].tensor.to_vector(), still);
  EXPECT_NE(model[0].tensor.to_vector(), before);
  sgd.set_lr(1, 2.0);
  EXPECT_EQ(sgd.lr(0), 1.0);
  EXPECT_EQ(sgd.lr(1), 2.0);
  sgd.set_lr(3.0);
  EXPECT_EQ(sgd.lr(0), 3.0);
}

TEST(Optimizer, RefusesAParameterTwice) {
  ParameterList model = separate_qkv(0);
  EXPECT_THROW(SGD(ParameterList{model[0], model[0]}), Error);
}

TEST(Optimizer, SkipsBuffers) {
  ParameterList model = separate_qkv(0);
  model[1].trainable = false;
  EXPECT_EQ(SGD(model).parameters().size(), 2u);
}

TEST(Optimizer, RefusesAForeignState) {
  ParameterList model = separate_qkv(0), other = separate_qkv(0);
  other[2].name = other[2].parts[0].name = "another.weight";
  AdamW adam(model);
  EXPECT_THROW(adam.load_state(SGD(model, {.momentum = 0.9}).state()), Error);
  EXPECT_THROW(adam.load_state(AdamW(other).state()), Error);
  EXPECT_THROW(adam.load_state(AdamW(ParameterList{model[0], model[1]}).state()), Error);
  EXPECT_THROW(AdamW(ParameterList{model[0], model[1]}).load_state(adam.state()), Error);
}

// Adam acts per element, so a training may change its storage half-way without any effect.
TEST(Optimizer, StateMovesBetweenCombinedAndSeparateStorage) {
  ParameterList combined = combined_qkv(0), separate = separate_qkv(0);
  AdamW one(combined, {.lr = 0.01}), three(separate, {.lr = 0.01});
  for (int step = 0; step < 3; ++step) {
    set_gradients(combined, step), one.step();
    set_gradients(separate, step), three.step();
  }
  EXPECT_EQ(all_values(combined), all_values(separate));

  ParameterList moved = separate_qkv(0);
  copy_values(moved, separate);
  AdamW resumed(moved, {.lr = 0.01});
  resumed.load_state(one.state());
  ParameterList back = combined_qkv(0);
  copy_values(back, combined);
  AdamW returned(back, {.lr = 0.01});
  returned.load_state(three.state());
  for (int step = 3; step < 6; ++step) {
    set_gradients(combined, step), one.step();
    set_gradients(moved, step), resumed.step();
    set_gradients(back, step), returned.step();
  }
  EXPECT_EQ(all_values(moved), all_values(combined));
  EXPECT_EQ(all_values(back), all_values(combined));
}

TEST(Optimizer, PartsThatWereSteppedApartCannotBeSteppedAsOne) {
  ParameterList separate = separate_qkv(0), combined = combined_qkv(0);
  AdamW three(separate), one(combined);
  separate[0].tensor.set_grad(ones(separate[0].tensor.shape()));
  three.step();
  one.load_state(three.state());
  set_gradients(combined, 0);
  EXPECT_THROW(one.step(), Error);
}

}  // namespace
}  // namespace lockstep::optim
