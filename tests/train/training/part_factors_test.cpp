#include "train/training/part_factors.h"

#include <gtest/gtest.h>

#include "train/probes/logical_weights.h"
#include "train/training/training.h"

namespace lockstep::train {
namespace {

LogicalParts after(RunConfig config, int steps) {
  config.layers = 1;
  config.width = 8;
  config.heads = 2;
  config.mlp = 8;
  config.batch = 4;
  Training training(config);
  for (int i = 0; i < steps; ++i) training.step();
  return logical_parts(training.model().parameters());
}

TEST(PartFactors, GainsMultiplyTheFirstWeightsOfTheirPartAlone) {
  for (const char* storage : {"combined", "separate"}) {
    RunConfig config{.attention = storage};
    const LogicalParts plain = after(config, 0);
    config.k_gain = 3;
    for (const auto& [name, values] : after(config, 0)) {
      const float gain = name.ends_with(".k.weight") ? 3 : 1;
      for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(values[i], static_cast<float>(plain.at(name)[i]) * gain) << name;
    }
  }
}

TEST(PartFactors, RatesMultiplyTheUpdatesOfTheirPartAloneUnderEveryRule) {
  for (const char* optimizer : {"sgd", "adam", "muon", "lamb"}) {
    for (const char* storage : {"combined", "separate"}) {
      RunConfig config{.precision = "f64", .attention = storage, .optimizer = optimizer};
      const LogicalParts first = after(config, 0), plain = after(config, 1);
      config.q_rate = 0.5;
      config.v_rate = 2;
      const LogicalParts scaled = after(config, 1);
      for (const auto& [name, values] : plain) {
        const double rate = name.find(".attn.q.") != name.npos   ? 0.5
                            : name.find(".attn.v.") != name.npos ? 2
                                                                 : 1;
        for (std::size_t i = 0; i < values.size(); ++i) {
          const double update = values[i] - first.at(name)[i];
          EXPECT_NEAR(scaled.at(name)[i] - first.at(name)[i], rate * update, 1e-14)
              << optimizer << " " << name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::train
