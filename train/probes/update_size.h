#pragma once

#include "train/probes/logical_weights.h"
#include "train/probes/probe.h"

// How large the optimizer's steps are.
namespace lockstep::train {

class UpdateSize final : public Probe {
 public:
  static constexpr std::int64_t every = 10;  // steps
  explicit UpdateSize(std::int64_t last) : last_(last) {
    series_.names = {std::begin(projection_names), std::end(projection_names)};
  }
  bool looks_at(const Training& training) const override {
    return training.steps_done() % every == 0 && training.steps_done() <= last_;
  }
  void before_update(const Training& training) override {
    before_ = projection_weights(training.model().parameters());
  }
  void after_update(const Training& training) override {
    ProjectionWeights change = projection_weights(training.model().parameters());
    series_.steps.push_back(training.steps_done());
    for (std::size_t part = 0; part < projections; ++part) {
      for (std::size_t i = 0; i < change[part].size(); ++i) change[part][i] -= before_[part][i];
      series_.values.push_back(root_mean_square(change[part]));
    }
  }
  Measured measured() const override { return {.series = series_}; }

 private:
  std::int64_t last_;
  ProjectionWeights before_;
  Series series_;
};

inline const Registry<ProbeKind>::Entry update_size_probe(
    {.key = "update_size",
     .label = "size of the updates",
     .unit = "1",
     .formula =
         "sqrt(mean (w_after - w_before)^2) over the weights of q, of k and of v, all layers, in every "
         "tenth step",
     .source = "",
     .make = [](const ProbePlan& plan) -> std::unique_ptr<Probe> {
       return std::make_unique<UpdateSize>(plan.last_step);
     }});

}  // namespace lockstep::train
