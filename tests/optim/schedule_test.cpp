#include "optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "optim/sgd.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

// nanoGPT's get_lr with learning_rate 6e-4, warmup_iters 10, lr_decay_iters 110, min_lr 6e-5.
TEST(Schedule, WarmupAndCosineAsInNanoGPT) {
  const Schedule schedule = warmup_cosine({.warmup = 10, .steps = 110, .final_fraction = 0.1});
  EXPECT_NEAR(schedule(6e-4, 0), 6e-4 / 11, 1e-15);
  EXPECT_NEAR(schedule(6e-4, 9), 6e-4 * 10 / 11, 1e-15);
  EXPECT_NEAR(schedule(6e-4, 10), 6e-4, 1e-15);
  EXPECT_NEAR(schedule(6e-4, 60), (6e-4 + 6e-5) / 2, 1e-15);
  EXPECT_NEAR(schedule(6e-4, 35), 6e-5 + (6e-4 - 6e-5) * (1 + std::sqrt(0.5)) / 2, 1e-15);
  EXPECT_NEAR(schedule(6e-4, 5000), 6e-5, 1e-15);
}

TEST(Schedule, LinearDecay) {
  const Schedule schedule = warmup_linear({.warmup = 0, .steps = 4});
  EXPECT_DOUBLE_EQ(schedule(1, 0), 1);
  EXPECT_DOUBLE_EQ(schedule(1, 3), 0.25);
  EXPECT_DOUBLE_EQ(schedule(1, 4), 0);
}

TEST(Schedule, RefusesAWarmupLongerThanTheTraining) {
  EXPECT_THROW(warmup_cosine({.warmup = 10, .steps = 10}), Error);
}

TEST(Schedule, DrivesEveryGroupFromItsOwnRate) {
  const ParameterList model = separate_qkv(0);
  SGD sgd(SGD::Groups{{{model[0]}, {.lr = 1.0}}, {{model[1]}, {.lr = 0.5}}});
  Scheduler scheduler(sgd, warmup_linear({.steps = 4}));
  for (int step = 0; step < 3; ++step) scheduler.set(step);
  EXPECT_DOUBLE_EQ(sgd.lr(0), 0.5);
  EXPECT_DOUBLE_EQ(sgd.lr(1), 0.25);
}

}  // namespace
}  // namespace lockstep::optim
