#pragma once

#include "train/probes/probe.h"

// Whether two models represent their inputs alike, whatever the basis that each has found.
namespace lockstep::train {

// ||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F), columns centred; x (n, d) and y (n, e), row by row. 1: equal up
// to a rotation and a factor. Kornblith et al. 2019, arXiv:1905.00414.
double linear_cka(const std::vector<double>& x, const std::vector<double>& y, std::size_t rows);

class LinearCka final : public Probe {
 public:
  explicit LinearCka(std::int64_t at) : at_(at) {}
  bool looks_at(const Training& training) const override { return training.steps_done() == at_; }
  void before_update(const Training& training) override;
  Measured measured() const override { return {.series = {}, .snapshot = snapshot_}; }
  static Series between(const Snapshot& run, const Snapshot& reference);

 private:
  std::int64_t at_;
  Snapshot snapshot_;
};

inline const Registry<ProbeKind>::Entry linear_cka_probe(
    {.key = "linear_cka",
     .label = "likeness of representations (linear CKA)",
     .unit = "1",
     .formula = "||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F), columns centred, of the residual stream of both "
                "runs after "
                "each block, 16 validation inputs, at the last step that all runs take",
     .source = "Kornblith et al. 2019",
     .make = make_if_compared<LinearCka>,
     .compare = LinearCka::between,
     .on_request = true});

}  // namespace lockstep::train
