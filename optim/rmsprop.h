#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// RMSprop (Hinton 2012, cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf), as PyTorch writes it:
//   v = alpha v + (1 - alpha) g^2;  d = sqrt(v) + eps;  b = momentum b + g / d;  p -= lr b
// and centered (Graves 2013, arXiv:1308.0850) a = alpha a + (1 - alpha) g;  d = sqrt(v - a^2) + eps.
struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  double momentum = 0;
  bool centered = false;  // divide by the standard deviation, not by the root of the second moment
  bool maximize = false;

  static constexpr const char* name = "RMSprop";
  void visit(auto& field) {
    visit_common(*this, field), field("alpha", alpha, at_least(0)), field("centered", centered);
  }
  void add_slots(Member& member) const {
    member.add_slot("square_avg");
    if (centered) member.add_slot("grad_avg");
  }
  UpdateRule rule(const Member&, double) const {
    const rules::RMSprop<double> rule{.seen = seen_by(*this),
                                      .lr = lr,
                                      .alpha = alpha,
                                      .rest = 1 - alpha,
                                      .eps = eps,
                                      .momentum = momentum};
    if (centered && momentum > 0) return rules::CenteredRMSpropMomentum<double>{rule};
    if (centered) return rules::CenteredRMSprop<double>{rule};
    if (momentum > 0) return rules::RMSpropMomentum<double>{rule};
    return rule;
  }
};

using RMSprop = Rule<RMSpropOptions>;
inline const Registered<RMSprop> registered_rmsprop;

}  // namespace lockstep::optim
