#pragma once

#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/views.h"
#include "train/probes/at_intervals.h"
#include "train/probes/loss_gradient.h"

// How sharply the loss bends where it bends most: beyond 2 / lr gradient descent is unstable.
namespace lockstep::train {

class Sharpness final : public AtIntervals {
 public:
  Sharpness() : AtIntervals(50) {}

 private:
  void look(const Training& training) override {
    constexpr int iterations = 40;
    const LossGradient at(training, training.steps_done());
    std::vector<Tensor> v;
    for (const Tensor& weight : at.weights()) v.push_back(alternating(weight));
    double eigenvalue = 0;
    for (int i = 0; i < iterations; ++i) {
      const double length = std::sqrt(dot(v, v));
      for (Tensor& part : v) part = part / length;
      std::vector<Tensor> bent = at.hessian_times(v);
      eigenvalue = dot(v, bent);
      v = std::move(bent);
    }
    add("all weights", eigenvalue);
  }

  // A start that no symmetry of the model makes orthogonal to the eigenvector: quadratic phases.
  static Tensor alternating(const Tensor& like) {
    std::vector<double> values(static_cast<std::size_t>(like.numel()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.0 + 0.7 * double(i) * double(i));
    return to(to(from_values(like.shape(), values), like.dtype()), like.device());
  }
};

inline const Registry<ProbeKind>::Entry sharpness_probe(
    {.key = "sharpness",
     .label = "sharpness",
     .unit = "nats",
     .formula = "largest eigenvalue of the Hessian of the step's loss over all trained weights, without "
                "dropout: v^T H "
                "v after 40 power iterations v <- H v / |H v|, every 50 steps",
     .source = "Cohen et al. 2021",
     .make = make_at_intervals<Sharpness>,
     .on_request = true});

}  // namespace lockstep::train
