#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// Rprop, resilient backpropagation (Riedmiller and Braun 1993, doi.org/10.1109/ICNN.1993.298623), the variant
// without weight backtracking, for whole batches: every element has a step size,
//   s = clamp(s eta+)  where g has the sign of the last g, clamp(s eta-)  where it changed; then g = 0
//   p -= s sign(g)
struct RpropOptions {
  double lr = 1e-2;  // the size of the first step; what comes later depends on the signs alone
  std::array<double, 2> etas = {0.5, 1.2};        // factors after a change of sign and after none
  std::array<double, 2> step_sizes = {1e-6, 50};  // least and largest
  bool maximize = false;

  static constexpr const char* name = "Rprop";
  void visit(auto& field) {
    visit_common(*this, field), field("etas", etas), field("step_sizes", step_sizes);
  }
  void validate() const {
    check(etas[0] > 0 && etas[0] < 1 && etas[1] > 1,
          "[Rprop] etas must be a factor between 0 and 1 and one above 1, got {} and {}", etas[0], etas[1]);
  }
  void add_slots(Member& member) const { member.add_slot("prev"), member.add_slot("step_size"); }
  UpdateRule rule(const Member&, double step) const {
    return rules::Rprop<double>{.sign = maximize ? -1.0 : 1.0,
                                .initial = step == 1 ? lr : 0,
                                .down = etas[0],
                                .up = etas[1],
                                .least = step_sizes[0],
                                .most = step_sizes[1]};
  }
};

using Rprop = Rule<RpropOptions>;
inline const Registered<Rprop> registered_rprop;

}  // namespace lockstep::optim
