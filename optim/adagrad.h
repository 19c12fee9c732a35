#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// Adagrad (Duchi, Hazan and Singer 2011, jmlr.org/papers/v12/duchi11a.html):
//   s += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;      // the rate of step t is lr / (1 + (t - 1) lr_decay)
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool maximize = false;

  static constexpr const char* name = "Adagrad";
  void visit(auto& field) {
    visit_common(*this, field), field("lr_decay", lr_decay, at_least(0));
    field("initial_accumulator_value", initial_accumulator_value, at_least(0));
  }
  void add_slots(Member& member) const { member.add_slot("sum", initial_accumulator_value); }
  UpdateRule rule(const Member&, double step) const {
    return rules::Adagrad<double>{
        .seen = seen_by(*this), .rate = lr / (1 + (step - 1) * lr_decay), .eps = eps};
  }
};

using Adagrad = Rule<AdagradOptions>;
inline const Registered<Adagrad> registered_adagrad;

}  // namespace lockstep::optim
