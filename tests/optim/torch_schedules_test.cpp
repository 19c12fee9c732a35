// The rates are PyTorch's, see tests/conformance; here what a fixture does not show.
#include "optim/torch_schedules.h"

#include <gtest/gtest.h>

#include "optim/adagrad.h"
#include "optim/adam.h"
#include "optim/plateau.h"
#include "optim/sgd.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

TEST(TorchSchedules, EveryGroupFromItsOwnRate) {
  const ParameterList model = separate_qkv(0);
  SGD sgd(SGD::Groups{{{model[0]}, {.lr = 1.0}}, {{model[1]}, {.lr = 0.5}}});
  TorchScheduler scheduler(sgd, StepLR{.step_size = 2, .gamma = 0.1});
  for (int step = 0; step < 5; ++step) scheduler.step();
  EXPECT_DOUBLE_EQ(sgd.lr(0), 0.01);
  EXPECT_DOUBLE_EQ(sgd.lr(1), 0.005);
}

TEST(TorchSchedules, OneValueForEachGroup) {
  const ParameterList model = separate_qkv(0);
  SGD sgd(SGD::Groups{{{model[0]}, {.lr = 1.0}}, {{model[1]}, {.lr = 0.5}}});
  const TorchScheduler scheduler(sgd, CyclicLR{.base_lr = std::vector{0.25, 0.125}, .max_lr = 1});
  EXPECT_EQ(sgd.lr(0), 0.25);
  EXPECT_EQ(sgd.lr(1), 0.125);
  EXPECT_THROW(TorchScheduler(sgd, OneCycleLR{.max_lr = std::vector{1.0, 2.0, 3.0}, .total_steps = 9}),
               Error);
}

// lr f(t), and f(1) f(2) ... f(t).
TEST(TorchSchedules, Functions) {
  const ParameterList model = separate_qkv(0);
  const auto half_more = [](std::int64_t t) { return 1 + 0.5 * static_cast<double>(t); };
  SGD sgd(model, {.lr = 1});
  TorchScheduler lambda(sgd, LambdaLR{half_more});
  lambda.step(), lambda.step();
  EXPECT_EQ(sgd.lr(), 2);
  SGD other(model, {.lr = 1});
  TorchScheduler product(other, MultiplicativeLR{half_more});
  product.step(), product.step();
  EXPECT_EQ(other.lr(), 1.5 * 2);
}

TEST(TorchSchedules, ChainedSchedulesMultiply) {
  const ParameterList model = separate_qkv(0);
  SGD sgd(model, {.lr = 1});
  TorchScheduler scheduler(
      sgd, ChainedScheduler{{ConstantLR{.factor = 0.5, .total_iters = 2}, ExponentialLR{.gamma = 0.9}}});
  EXPECT_DOUBLE_EQ(sgd.lr(), 0.5);
  scheduler.step();
  EXPECT_DOUBLE_EQ(sgd.lr(), 0.5 * 0.9);
  scheduler.step();
  EXPECT_DOUBLE_EQ(sgd.lr(), 0.81);
}

// PyTorch 2.15: SGD(momentum=0.9) and Adam under OneCycleLR(max_lr=1, total_steps=10, pct_start=0.5).
TEST(TorchSchedules, OneCycleMovesTheMomentumTheOtherWay) {
  const ParameterList model = separate_qkv(0);
  const OneCycleLR cycle{.max_lr = 1, .total_steps = 10, .pct_start = 0.5};
  SGD sgd(model);
  Adam adam(model);
  TorchScheduler of_sgd(sgd, cycle), of_adam(adam, cycle);
  EXPECT_EQ(sgd.momentum(), 0.95);
  EXPECT_EQ(adam.momentum(), 0.95);
  for (int step = 0; step < 4; ++step) of_sgd.step(), of_adam.step();
  EXPECT_DOUBLE_EQ(sgd.lr(), 1);
  EXPECT_DOUBLE_EQ(*sgd.momentum(), 0.85);
  EXPECT_DOUBLE_EQ(adam.options().betas[0], 0.85);
  ParameterList trained = separate_qkv(0);  // the momentum it was not built with has a buffer
  set_gradients(trained, 0);
  SGD heavy(trained);
  const TorchScheduler scheduler(heavy, cycle);
  heavy.step();
  EXPECT_TRUE(heavy.state().contains("momentum_buffer"));
}

TEST(TorchSchedules, RefusesToCycleAMomentumThatIsNotThere) {
  const ParameterList model = separate_qkv(0);
  Adagrad adagrad(model);
  EXPECT_THROW(TorchScheduler(adagrad, OneCycleLR{.max_lr = 1, .total_steps = 10}), Error);
  TorchScheduler(adagrad, OneCycleLR{.max_lr = 1, .total_steps = 10, .cycle_momentum = false});
}

TEST(TorchSchedules, AsAFunctionOfTheStep) {
  const TorchSchedule schedule =
      SequentialLR{{LinearLR{.start_factor = 0.1, .total_iters = 4}, CosineAnnealingLR{.T_max = 10}}, {4}};
  const ParameterList model = separate_qkv(0);
  SGD sgd(model, {.lr = 0.5});
  TorchScheduler scheduler(sgd, schedule);
  const Schedule function = schedule_from(schedule);
  std::vector<double> forwards;
  for (int step = 0; step < 12; ++step, scheduler.step()) forwards.push_back(sgd.lr());
  for (int step = 11; step >= 0; --step)
    EXPECT_EQ(function(0.5, step), forwards[static_cast<std::size_t>(step)]);
}

TEST(TorchSchedules, RefusesWhatPyTorchRefuses) {
  const ParameterList model = separate_qkv(0);
  SGD sgd(model, {.lr = 0.5});
  const auto refuses = [&](const TorchSchedule& schedule) {
    EXPECT_THROW(TorchScheduler(sgd, schedule), Error);
  };
  refuses(LinearLR{.start_factor = 0});
  refuses(LinearLR{.start_factor = 1.5});
  refuses(LinearLR{.end_factor = -0.1});
  refuses(ConstantLR{.factor = 1.5});
  refuses(CosineAnnealingWarmRestarts{.T_0 = 0});
  refuses(CosineAnnealingWarmRestarts{.T_0 = 3, .T_mult = 0});
  refuses(OneCycleLR{.max_lr = 1, .total_steps = 0});
  refuses(OneCycleLR{.max_lr = 1, .total_steps = 10, .pct_start = 1.5});
  refuses(SequentialLR{{}, {}});
  refuses(SequentialLR{{ExponentialLR{0.9}}, {4}});
  refuses(ChainedScheduler{});
  EXPECT_THROW(ReduceLROnPlateau(sgd, {.factor = 1}), Error);
}

TEST(ReduceLROnPlateau, ResumesFromItsState) {
  const ParameterList model = separate_qkv(0);
  const ReduceLROnPlateauOptions options{.factor = 0.5, .patience = 3, .cooldown = 2};
  SGD whole(model, {.lr = 1}), resumed(model, {.lr = 1});
  ReduceLROnPlateau plateau(whole, options), rest(resumed, options);
  const auto metric = [](int step) { return std::max(1 - 0.1 * step, 0.5); };
  for (int step = 0; step < 8; ++step) plateau.step(metric(step));
  resumed.set_lr(whole.lr());
  rest.load_state(plateau.state());
  for (int step = 8; step < 30; ++step) {
    plateau.step(metric(step)), rest.step(metric(step));
    ASSERT_EQ(resumed.lr(), whole.lr()) << step;
  }
  EXPECT_LT(whole.lr(), 0.2);
}

}  // namespace
}  // namespace lockstep::optim
