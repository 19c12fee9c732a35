#include "train/study/metric.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lockstep::train {
namespace {

const Metric& metric(const std::string& key) {
  for (const Metric& one : metrics()) {
    if (one.key == key) return one;
  }
  throw std::runtime_error(key);
}

ExperimentConfig experiment() {
  ExperimentConfig config{.threshold = 0.5, .curve_steps = 3};
  config.run.steps = 10;
  return config;
}

TEST(Metrics, TheCrossingIsInterpolatedInLogLoss) {
  const Metric& crossing = metric("steps_to_threshold");
  // ln 2, ln 1, ln 1/4: from 1 to 1/4, 1/2 is half of the way.
  const std::vector<double> losses = {2, 1, 0.25, 0.1};
  EXPECT_TRUE(crossing.known(losses, experiment()));
  EXPECT_DOUBLE_EQ(crossing.of(losses, false, experiment()).value, 1.5);
  // At the threshold itself it is not yet below; just below, it was there.
  EXPECT_DOUBLE_EQ(crossing.of(std::vector<double>{2, 0.5, 0.25}, false, experiment()).value, 1);
  EXPECT_NEAR(crossing.of(std::vector<double>{2, 1, std::nextafter(0.5, 0)}, false, experiment()).value, 2,
              1e-12);
  EXPECT_DOUBLE_EQ(crossing.of(std::vector<double>{1, 0}, false, experiment()).value, 0);
}

TEST(Metrics, RunsThatNeverCrossStandInWithTheLimit) {
  const Metric& crossing = metric("steps_to_threshold");
  const std::vector<double> losses = {2, 1, 0.6};
  EXPECT_FALSE(crossing.known(losses, experiment()));
  EXPECT_EQ(crossing.of(losses, false, experiment()).value, 10);
  EXPECT_EQ(crossing.of(losses, false, experiment()).ending, Ending::censored);
  EXPECT_EQ(crossing.of(losses, true, experiment()).ending, Ending::diverged);
}

TEST(Metrics, TheMeanLossIsOfTheFirstStepsAlone) {
  const Metric& mean = metric("mean_loss");
  const std::vector<double> losses = {3, 2, 1, 100};
  EXPECT_FALSE(mean.known(std::span(losses).first(2), experiment()));
  EXPECT_TRUE(mean.known(std::span(losses).first(3), experiment()));
  EXPECT_DOUBLE_EQ(mean.of(losses, false, experiment()).value, 2);
  EXPECT_DOUBLE_EQ(mean.of(std::vector<double>{3, 2}, true, experiment()).value, 8.0 / 3);
  EXPECT_EQ(mean.of(std::vector<double>{3, 2}, true, experiment()).ending, Ending::diverged);
}

}  // namespace
}  // namespace lockstep::train
