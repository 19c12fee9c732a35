#pragma once

#include <cmath>

#include "train/probes/logical_weights.h"
#include "train/probes/probe.h"

// How far two runs that start from the same weights have come apart.
namespace lockstep::train {

class WeightDistance final : public Probe {
 public:
  static constexpr const char *all = "all weights", *key_biases = "key biases";
  explicit WeightDistance(std::int64_t at) : at_(at) {}
  bool looks_at(const Training& training) const override { return training.steps_done() == at_; }
  void before_update(const Training& training) override {
    LogicalWeights weights = logical_weights(training.model().parameters());
    snapshot_ = {{all, std::move(weights.values)},
                 {key_biases, std::move(weights.key_biases)},
                 {"step", {static_cast<double>(at_)}}};
  }
  Measured measured() && override { return {.series = {}, .snapshot = std::move(snapshot_)}; }
  static Series between(const Snapshot& run, const Snapshot& reference) {
    double apart = 0, size = 0;
    const auto add = [&](const char* name) {
      const std::vector<double>&a = run.at(name), &b = reference.at(name);
      for (std::size_t i = 0; i < a.size(); ++i) {
        apart += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
      }
      return std::sqrt(apart / size);
    };
    const double without = add(all), with = add(key_biases);
    return {.names = {"all", "with key biases"},
            .steps = {static_cast<std::int64_t>(run.at("step").front())},
            .values = {without, with}};
  }

 private:
  std::int64_t at_;
  Snapshot snapshot_;
};

inline const Registry<ProbeKind>::Entry weight_distance_probe(
    {.key = "weight_distance",
     .label = "relative difference of all weights",
     .unit = "1",
     .formula =
         "||w - w'|| / ||w'||, Frobenius norm over all trained weights; the key biases, whose gradient is "
         "rounding noise because they cancel in the softmax, count in \"with key biases\" alone",
     .source = "",
     .make = [](const ProbePlan& plan) -> std::unique_ptr<Probe> {
       if (!plan.compared) return nullptr;
       return std::make_unique<WeightDistance>(plan.last_step);
     },
     .compare = WeightDistance::between});

}  // namespace lockstep::train
