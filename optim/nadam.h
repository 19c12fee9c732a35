#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// NAdam, Adam with Nesterov momentum (Dozat 2016, openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ), as PyTorch
// writes it: with m, v those of Adam,
//   mu_t = b1 (1 - 0.96^(t momentum_decay) / 2);  M_t = mu_1 mu_2 ... mu_t
//   p -= lr ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / (sqrt(v / (1 - b2^t)) + eps)
struct NAdamOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p, unless decoupled
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
  bool maximize = false;

  static constexpr const char* name = "NAdam";
  void visit(auto& field) {
    visit_common(*this, field), field("momentum_decay", momentum_decay, at_least(0));
  }
  void add_slots(Member& member) const {
    member.add_slot("exp_avg"), member.add_slot("exp_avg_sq"), member.add_number("mu_product", 1);
  }
  double mu(double t) const { return betas[0] * (1 - 0.5 * std::pow(0.96, t * momentum_decay)); }
  UpdateRule rule(Member& member, double step) const {
    // PyTorch keeps the product in f32, for f64 parameters, too; it shows in the eighth digit of a step.
    const double product = static_cast<float>(member.number("mu_product")) * static_cast<float>(mu(step));
    member.set_number("mu_product", product);
    const double next = mu(step + 1);
    return rules::NAdam<double>{.moments = moments_of(*this),
                                .keep = kept(*this),
                                .of_gradient = lr * (1 - mu(step)) / (1 - product),
                                .of_average = lr * next / (1 - product * next),
                                .root = 1 / std::sqrt(1 - std::pow(betas[1], step)),
                                .eps = eps};
  }
};

using NAdam = Rule<NAdamOptions>;
inline const Registered<NAdam> registered_nadam;

}  // namespace lockstep::optim
