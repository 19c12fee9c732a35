#include "train/probes/probe.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/training/tiny_run.h"

namespace lockstep::train {
namespace {

RunConfig small(const std::string& optimizer) {
  RunConfig config = tiny_run();
  config.width = config.mlp = 16;
  config.batch = 4;
  config.optimizer = optimizer;
  return config;
}

Measurements measured(const RunConfig& config, const ProbePlan& plan, int steps) {
  Training training(config);
  ProbeSet set(plan);
  for (int i = 0; i < steps; ++i) training.step(&set);
  return set.measured();
}

TEST(Probes, SayWhatTheyMeasure) {
  for (const ProbeKind& kind : probes()) {
    for (const std::string& text : {kind.key, kind.label, kind.unit, kind.formula})
      EXPECT_FALSE(text.empty()) << kind.key;
  }
}

// Adam's first step is lr sign(g) up to eps: its root mean square is lr.
TEST(Probes, TheSizeOfAdamsFirstUpdateIsItsRate) {
  RunConfig config = small("adam");
  config.precision = "f64";
  config.eps = 1e-300;
  const Series series = measured(config, {.last_step = 12}, 14).at("update_size").series;
  EXPECT_EQ(series.names, (std::vector<std::string>{"q", "k", "v"}));
  EXPECT_EQ(series.steps, (std::vector<std::int64_t>{0, 10}));
  ASSERT_EQ(series.values.size(), 6u);
  for (std::size_t part = 0; part < 3; ++part) EXPECT_NEAR(series.values[part], config.lr, 1e-9);
}

// Kaiming with a = sqrt 5 draws from U(-1/sqrt d, 1/sqrt d): sqrt(1 / 3d).
TEST(Probes, TheSizeOfTheFirstWeightsIsTheRules) {
  for (const char* storage : {"combined", "separate"}) {
    RunConfig config = small("adam");
    config.attention = storage;
    const Series series = measured(config, {}, 2).at("weight_size").series;
    EXPECT_EQ(series.steps, std::vector<std::int64_t>{0});
    for (const double value : series.values) EXPECT_NEAR(value, std::sqrt(1.0 / 48), 0.012);
  }
}

TEST(Probes, TwoRunsCompareOnceBothAreThere) {
  RunConfig combined = small("adam"), separate = combined, other = combined;
  separate.attention = "separate";
  other.lr = 2e-3;
  const ProbePlan plan{.last_step = 3, .compared = true};
  const auto distance = [&](const RunConfig& a, const RunConfig& b) {
    Measurements run = measured(a, plan, 5), reference = measured(b, plan, 5);
    EXPECT_FALSE(run.at("weight_distance").snapshot.empty());
    EXPECT_TRUE(run.at("weight_distance").series.names.empty());
    compare(run, reference);
    EXPECT_TRUE(run.at("weight_distance").snapshot.empty());
    EXPECT_EQ(run.at("weight_distance").series.values, reference.at("weight_distance").series.values);
    EXPECT_EQ(run.at("weight_distance").series.steps, std::vector<std::int64_t>{3});
    return run.at("weight_distance").series.values.front();
  };
  EXPECT_EQ(distance(combined, combined), 0);
  EXPECT_LT(distance(separate, combined), 1e-5);
  EXPECT_GT(distance(other, combined), 1e-3);
  EXPECT_FALSE(measured(combined, {.last_step = 3}, 5).contains("weight_distance"));
}

}  // namespace
}  // namespace lockstep::train
