#pragma once

#include "optim/adam.h"

namespace lockstep::optim {

// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101): p *= 1 - lr weight_decay, then Adam's step.
struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;

  static constexpr const char* name = "AdamW";
  void visit(auto& field) { visit_common(*this, field), field("amsgrad", amsgrad); }
  AdamOptions as_adam() const { return {lr, betas, eps, weight_decay, amsgrad, maximize, true}; }
  void add_slots(Member& member) const { as_adam().add_slots(member); }
  UpdateRule rule(const Member& member, double step) const { return as_adam().rule(member, step); }
};

using AdamW = Rule<AdamWOptions>;
inline const Registered<AdamW> registered_adamw;

}  // namespace lockstep::optim
