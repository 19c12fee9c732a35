#pragma once

#include "train/probes/logical_weights.h"
#include "train/probes/probe.h"

// How large the weights of q, k and v start.
namespace lockstep::train {

class WeightSize final : public Probe {
 public:
  bool looks_at(const Training& training) const override { return training.steps_done() == 0; }
  void before_update(const Training& training) override {
    series_ = {.names = {std::begin(projection_names), std::end(projection_names)}, .steps = {0}};
    for (const std::vector<double>& part : projection_weights(training.model().parameters()))
      series_.values.push_back(root_mean_square(part));
  }
  Measured measured() const override { return {.series = series_}; }

 private:
  Series series_;
};

inline const Registry<ProbeKind>::Entry weight_size_probe(
    {.key = "weight_size",
     .label = "size of the first weights",
     .unit = "1",
     .formula = "sqrt(mean w^2) over the weights of q, of k and of v, all layers, before the first update",
     .source = "",
     .make = [](const ProbePlan&) -> std::unique_ptr<Probe> { return std::make_unique<WeightSize>(); }});

}  // namespace lockstep::train
