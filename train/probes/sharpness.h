#pragma once

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "train/probes/at_intervals.h"
#include "train/probes/loss_gradient.h"

// How sharply the loss bends where it bends most: beyond 2 / lr gradient descent is unstable, and beyond
// (2 + 2 beta1) / ((1 - beta1) lr), preconditioned, Adam. Cohen et al. 2021, arXiv:2103.00065; 2022,
// arXiv:2207.14484.
namespace lockstep::train {

class Sharpness final : public AtIntervals {
 public:
  Sharpness() : AtIntervals(50) {}

 private:
  void look(const Training& training) override {
    const LossGradient at(training, training.steps_done());
    add("all weights", largest_eigenvalue(at));
    if (!training.optimizer().state().contains("exp_avg_sq")) return;
    const std::vector<Tensor> scales = adam_scales(training);
    add("preconditioned",
        scales.empty() ? std::numeric_limits<double>::quiet_NaN() : largest_eigenvalue(at, scales));
  }

  // 1 / sqrt(sqrt(v / (1 - beta2^t)) + eps) for each of the weights; nothing before the first step.
  static std::vector<Tensor> adam_scales(const Training& training) {
    const NoGrad no_grad;
    const RunConfig& config = training.config();
    std::vector<Tensor> scales;
    if (training.steps_done() == 0) return scales;
    const double correction = 1 - std::pow(config.beta2, static_cast<double>(training.steps_done()));
    const optim::OptimizerState state = training.optimizer().state();
    for (const Parameter& v : state.at("exp_avg_sq"))
      scales.push_back(rsqrt(sqrt(v.tensor / correction) + config.eps));
    return scales;
  }
};

inline const Registry<ProbeKind>::Entry sharpness_probe(
    {.key = "sharpness",
     .label = "sharpness",
     .unit = "nats",
     .formula = "largest eigenvalue of the Hessian H of the step's loss over all trained weights, without "
                "dropout: v^T H "
                "v after 40 power iterations v <- H v / |H v|, every 50 steps; preconditioned, under an "
                "optimizer with "
                "Adam's second moment v: of D H D, D = 1 / sqrt(sqrt(v / (1 - beta2^t)) + eps)",
     .source = "Cohen et al. 2021, 2022",
     .make = make_at_intervals<Sharpness>,
     .on_request = true});

}  // namespace lockstep::train
