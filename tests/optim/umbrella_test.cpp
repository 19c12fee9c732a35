// optim/optim.h alone gives a user every optimizer, schedule and clipping.
#include <gtest/gtest.h>

#include "optim/optim.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

template <typename... Kinds>
std::set<std::string> names_of() {
  return {lower_case(Kinds::Options::name)...};
}

TEST(Umbrella, EveryOptimizerIsThereAndHasAName) {
  std::set<std::string> named = names_of<SGD, Adam, AdamW, Adamax, NAdam, RAdam, RMSprop, Adagrad, Adadelta,
                                         Rprop, Adafactor, Muon, LAMB, LARS>();
  named.insert("muon+adam");
  const std::vector<std::string> known = optimizer_names();
  EXPECT_EQ(named, std::set<std::string>(known.begin(), known.end()));
}

TEST(Umbrella, SchedulesAndClipping) {
  ParameterList model = combined_qkv(0);
  SGD sgd(model, {.lr = 1});
  TorchScheduler scheduler(sgd, StepLR{.step_size = 1, .gamma = 0.5});
  scheduler.step();
  EXPECT_EQ(sgd.lr(), 0.5);
  ReduceLROnPlateau plateau(sgd, {.factor = 0.5, .patience = 0});
  plateau.step(1), plateau.step(1);
  EXPECT_EQ(sgd.lr(), 0.25);
  Scheduler(sgd, warmup_cosine({.steps = 10})).set(10);
  EXPECT_EQ(sgd.lr(), 0);
  set_gradients(model, 0);
  clip_grad_norm(model, 0.5);
  clip_grad_norm_each(model, 0.25, Granularity::part);
  EXPECT_LT(grad_norm(model).item(), 0.5);
  clip_grad_value(model, 1e-3);
  EXPECT_LE(grad_norm(model).item(),
            1e-3 * std::sqrt(static_cast<double>(model[0].tensor.numel())) * (1 + 1e-6));
}

TEST(Umbrella, WhichRulesCoupleRowsFollowsFromTheirOptions) {
  for (const std::string& name : optimizer_names()) {
    EXPECT_EQ(couples_rows(name), default_settings(name).contains("scale_by")) << name;
  }
  EXPECT_TRUE(couples_rows("muon"));
  EXPECT_FALSE(couples_rows("adam"));
}

}  // namespace
}  // namespace lockstep::optim
