#pragma once

#include "train/probes/logical_weights.h"
#include "train/probes/probe.h"
#include "train/probes/relative_difference.h"

// How two runs that start from the same weights come apart over the steps, by a sample of the weights.
namespace lockstep::train {

class WeightDrift final : public Probe {
 public:
  static constexpr std::size_t most = 4096;  // weights kept of each look
  explicit WeightDrift(std::int64_t last) : last_(last) {}
  // After 1, 2, 4, 8, ... updates, and at the last step.
  bool looks_at(const Training& training) const override {
    const std::int64_t done = training.steps_done();
    return done == last_ || (done > 0 && done < last_ && (done & (done - 1)) == 0);
  }
  void before_update(const Training& training) override {
    const std::vector<double> all = logical_weights(training.model().parameters()).values;
    const std::size_t stride = (all.size() + most - 1) / most;
    std::vector<double>& sample = snapshot_["sample"];
    std::size_t kept = 0;
    for (std::size_t i = 0; i < all.size(); i += stride, ++kept) sample.push_back(all[i]);
    snapshot_["steps"].push_back(static_cast<double>(training.steps_done()));
    snapshot_["kept"] = {static_cast<double>(kept)};
  }
  Measured measured() const override { return {.series = {}, .snapshot = snapshot_}; }

  static Series between(const Snapshot& run, const Snapshot& reference) {
    const std::vector<double>&a = run.at("sample"), &b = reference.at("sample"), &steps = run.at("steps");
    const auto kept = static_cast<std::size_t>(run.at("kept").front());
    Series series{.names = {"sample"}};
    // A run that diverged looked less often.
    for (std::size_t look = 0; (look + 1) * kept <= std::min(a.size(), b.size()); ++look) {
      RelativeDifference difference;
      difference.add(std::span(a).subspan(look * kept, kept), std::span(b).subspan(look * kept, kept));
      series.steps.push_back(static_cast<std::int64_t>(steps[look]));
      series.values.push_back(difference.value());
    }
    return series;
  }

 private:
  std::int64_t last_;
  Snapshot snapshot_;
};

inline const Registry<ProbeKind>::Entry weight_drift_probe(
    {.key = "weight_drift",
     .label = "relative difference of the weights over the steps",
     .unit = "1",
     .formula = "||w - w'|| / ||w'|| over every k-th trained weight, at most 4096 of them, key biases left "
                "out, after 1, "
                "2, 4, 8, ... updates",
     .source = "",
     .make = make_if_compared<WeightDrift>,
     .compare = WeightDrift::between});

}  // namespace lockstep::train
