// Whole trainings on a device: every step but the first ones is a replay.
#include "train/training/training.h"

#include <gtest/gtest.h>

#include "core/ops.h"
#include "tests/data/temp_folder.h"
#include "train/training/checkpoint.h"

namespace lockstep {
namespace {

using train::RunConfig;
using train::Training;

RunConfig small(const std::string& task, const std::string& optimizer) {
  RunConfig config;
  config.task = task;
  config.optimizer = optimizer;
  config.layers = 1;
  config.width = 16;
  config.heads = 2;
  config.mlp = 16;
  config.batch = 2;
  config.precision = "f64";
  if (optimizer == "sgd" || optimizer == "lars") config.lr = 0.1;
  return config;
}

// The same losses and weights as on the CPU, in f64 to rounding; every step but the first ones is a replay.
void expect_same_steps(const RunConfig& config, int steps) {
  Training here(config), there(config, Device::cuda);
  for (int i = 0; i < steps; ++i) {
    const double expected = here.step(), loss = there.step();
    ASSERT_NEAR(loss, expected, 1e-8 * std::abs(expected))
        << config.task << " " << config.optimizer << " " << i;
  }
  for (const ReplayStats& stats : {there.gradient_stats(), there.update_stats()}) {
    EXPECT_EQ(stats.recorded, 1) << config.optimizer;
    EXPECT_EQ(stats.replayed, steps - 2) << config.optimizer;
  }
  EXPECT_TRUE(there.is_finite());
}

TEST(CudaTraining, IsEvaluatedThereAsWell) {
  Training here(small("digits", "adam")), there(small("digits", "adam"), Device::cuda);
  const train::Evaluation a = here.evaluate(), b = there.evaluate();
  EXPECT_NEAR(a.loss, b.loss, 1e-8 * std::abs(a.loss));
  EXPECT_EQ(a.accuracy, b.accuracy);
}

TEST(CudaTraining, OfTheTasksIsThatOfTheCpu) {
  for (const char* task : {"copy", "digits"}) expect_same_steps(small(task, "adam"), 5);
}

// Steps that an observer looks at are replays, too.
TEST(CudaTraining, ThatIsLookedAtIsThatOfTheCpu) {
  class EveryThird final : public train::UpdateObserver {
   public:
    bool looks_at(const Training& training) const override { return training.steps_done() % 3 == 1; }
    void before_update(const Training& training) override {
      for (const Parameter& p : training.model().parameters())
        if (p.trainable) norms.push_back(sum(square(p.tensor.grad())).item());
    }
    std::vector<double> norms;
  } of_here, of_there;
  Training here(small("copy", "muon")), there(small("copy", "muon"), Device::cuda);
  for (int i = 0; i < 10; ++i) {
    const double expected = here.step(&of_here), loss = there.step(&of_there);
    ASSERT_NEAR(loss, expected, 1e-8 * std::abs(expected)) << i;
    if (i == 6) there.evaluate();
  }
  ASSERT_EQ(of_there.norms.size(), of_here.norms.size());
  for (std::size_t i = 0; i < of_here.norms.size(); ++i)
    EXPECT_NEAR(of_there.norms[i], of_here.norms[i], 1e-8 * of_here.norms[i] + 1e-20);
  EXPECT_EQ(there.gradient_stats().replayed, 8);
  EXPECT_EQ(there.update_stats().replayed, 8);
}

// On the device it came from to the same bits, on the other to rounding.
TEST(CudaTraining, GoesOnFromACheckpoint) {
  const TempFolder folder;
  RunConfig config = small("copy", "adam");
  Training whole(config, Device::cuda);
  for (int i = 0; i < 4; ++i) whole.step();
  train::save_checkpoint(folder / "checkpoint.h5", whole, {}, {});
  const train::Checkpoint checkpoint(folder / "checkpoint.h5");
  Training there(config, Device::cuda), here(config);
  checkpoint.restore(there);
  checkpoint.restore(here);
  for (int i = 0; i < 4; ++i) {
    const double expected = whole.step();
    EXPECT_EQ(there.step(), expected) << i;
    EXPECT_NEAR(here.step(), expected, 1e-8 * expected) << i;
  }
}

TEST(CudaTraining, WithScheduleClippingAndDropoutIsThatOfTheCpu) {
  RunConfig config = small("copy", "adamw");
  config.steps = 8;
  config.schedule = "cosine";
  config.warmup = 3;
  config.clip = 0.1;
  config.dropout = 0.2;
  config.weight_decay = 0.1;
  expect_same_steps(config, 6);
}

TEST(CudaTraining, InTf32IsNearThatInF32AndOfAGpuAlone) {
  RunConfig config = small("copy", "adam");
  config.precision = "f32";
  Training exact(config, Device::cuda);
  config.precision = "tf32";
  Training rounded(config, Device::cuda);
  double apart = 0;
  for (int i = 0; i < 6; ++i) {
    const double expected = exact.step(), loss = rounded.step();
    EXPECT_NEAR(loss, expected, 1e-2 * expected) << i;
    apart = std::max(apart, std::abs(loss - expected));
  }
  EXPECT_GT(apart, 0);
  EXPECT_EQ(rounded.gradient_stats().replayed, 4);
  // Elsewhere it can be looked at, and not go on.
  Training here(config);
  EXPECT_GT(here.evaluate().loss, 0);
  try {
    here.step();
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("--device cuda"), std::string::npos) << e.what();
  }
}

class CudaTrainingBy : public testing::TestWithParam<std::string> {};
TEST_P(CudaTrainingBy, IsThatOfTheCpu) { expect_same_steps(small("copy", GetParam()), 5); }
INSTANTIATE_TEST_SUITE_P(AllRules, CudaTrainingBy,
                         testing::Values("sgd", "adam", "lamb", "lars", "adafactor", "muon", "rmsprop",
                                         "nadam", "radam", "adamax", "adagrad", "adadelta", "rprop"),
                         [](const auto& rule) { return rule.param; });

}  // namespace
}  // namespace lockstep
