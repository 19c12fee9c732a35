#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch writes it:
//   g += weight_decay p;  b = momentum b + (1 - dampening) g (b = g in the first step);  p -= lr b
// with nesterov p -= lr (g + momentum b).
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;

  static constexpr const char* name = "SGD";
  void visit(auto& field) { visit_common(*this, field), field("dampening", dampening); }
  void validate_first() const { check_nesterov(name, *this); }
  void add_slots(Member&) const {}
  UpdateRule rule(const Member&, double step) const { return momentum_rule(*this, seen_by(*this), step); }
};

using SGD = Rule<SGDOptions>;
inline const Registered<SGD> registered_sgd;

}  // namespace lockstep::optim
