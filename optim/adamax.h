#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// Adamax, Adam with an infinity norm (Kingma and Ba 2015, arXiv:1412.6980, section 7.1):
//   m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + eps);  p -= lr / (1 - b1^t) m / u
struct AdamaxOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  bool maximize = false;

  static constexpr const char* name = "Adamax";
  void visit(auto& field) { visit_common(*this, field); }
  void add_slots(Member& member) const { member.add_slot("exp_avg"), member.add_slot("exp_inf"); }
  UpdateRule rule(const Member&, double step) const {
    return rules::Adamax<double>{.seen = seen_by(*this),
                                 .rest1 = 1 - betas[0],
                                 .beta2 = betas[1],
                                 .rate = lr / (1 - std::pow(betas[0], step)),
                                 .eps = eps};
  }
};

using Adamax = Rule<AdamaxOptions>;
inline const Registered<Adamax> registered_adamax;

}  // namespace lockstep::optim
