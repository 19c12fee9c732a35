#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// Adadelta (Zeiler 2012, arXiv:1212.5701): a step in the units of the parameter,
//   v = rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g
//   a = rho a + (1 - rho) d^2;  p -= lr d
struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  bool maximize = false;

  static constexpr const char* name = "Adadelta";
  void visit(auto& field) { visit_common(*this, field), field("rho", rho, at_least(0)); }
  void validate() const { check(rho <= 1, "[Adadelta] rho must be 0 to 1, got {}", rho); }
  void add_slots(Member& member) const { member.add_slot("square_avg"), member.add_slot("acc_delta"); }
  UpdateRule rule(const Member&, double) const {
    return rules::Adadelta<double>{.seen = seen_by(*this), .lr = lr, .rho = rho, .rest = 1 - rho, .eps = eps};
  }
};

using Adadelta = Rule<AdadeltaOptions>;
inline const Registered<Adadelta> registered_adadelta;

}  // namespace lockstep::optim
