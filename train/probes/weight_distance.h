#pragma once

#include "train/probes/logical_weights.h"
#include "train/probes/probe.h"
#include "train/probes/relative_difference.h"

// How far two runs that start from the same weights have come apart.
namespace lockstep::train {

class WeightDistance final : public Probe {
 public:
  static constexpr const char *rest = "the rest", *key_biases = "key biases";
  explicit WeightDistance(std::int64_t at) : at_(at) {}
  bool looks_at(const Training& training) const override { return training.steps_done() == at_; }
  void before_update(const Training& training) override {
    snapshot_ = {{rest, {}}, {key_biases, {}}, {"step", {static_cast<double>(at_)}}};
    for (const auto& [name, values] : logical_parts(training.model().parameters())) {
      std::vector<double>& part = snapshot_[part_of(name)];
      part.insert(part.end(), values.begin(), values.end());
    }
  }
  Measured measured() const override { return {.series = {}, .snapshot = snapshot_}; }

  static Series between(const Snapshot& run, const Snapshot& reference) {
    Series series{.steps = {static_cast<std::int64_t>(run.at("step").front())}};
    RelativeDifference all;
    const auto add = [&](const std::string& name, const RelativeDifference& difference) {
      series.names.push_back(name);
      series.values.push_back(difference.value());
    };
    for (const auto& [name, values] : run) {
      if (name == "step" || name == key_biases) continue;
      RelativeDifference part;
      for (RelativeDifference* sum : {&part, &all}) sum->add(values, reference.at(name));
      add(name, part);
    }
    add("all", all);
    all.add(run.at(key_biases), reference.at(key_biases));
    add("with key biases", all);
    return series;
  }

 private:
  static std::string part_of(const std::string& name) {
    if (is_key_bias(name)) return key_biases;
    for (const char* projection : projection_names) {
      if (name.ends_with(std::string(".") + projection + ".weight")) return projection;
    }
    return rest;
  }

  std::int64_t at_;
  Snapshot snapshot_;
};

inline const Registry<ProbeKind>::Entry weight_distance_probe(
    {.key = "weight_distance",
     .label = "relative difference of all weights",
     .unit = "1",
     .formula = "||w - w'|| / ||w'||, Frobenius norm over all trained weights, and over the matrices of q, "
                "of k, of v and "
                "over the rest; the key biases, whose gradient is rounding noise because they cancel in the "
                "softmax, count "
                "in \"with key biases\" alone",
     .source = "",
     .make = make_if_compared<WeightDistance>,
     .compare = WeightDistance::between});

}  // namespace lockstep::train
