#pragma once

#include <array>

#include "optim/grouped.h"

namespace lockstep::optim {

struct RpropOptions {
  double lr = 1e-2;  // the size of the first step; what comes later depends on the signs alone
  std::array<double, 2> etas = {0.5, 1.2};        // factors after a change of sign and after none
  std::array<double, 2> step_sizes = {1e-6, 50};  // least and largest
  bool maximize = false;
};

void visit(auto& field, RpropOptions& o) {
  field("lr", o.lr), field("etas", o.etas), field("step_sizes", o.step_sizes), field("maximize", o.maximize);
}
void validate(const RpropOptions& o);

// Rprop, resilient backpropagation (Riedmiller and Braun 1993, doi.org/10.1109/ICNN.1993.298623), the variant
// without weight backtracking, for whole batches: every element has a step size,
//   s = clamp(s eta+)  where g has the sign of the last g, clamp(s eta-)  where it changed; then g = 0
//   p -= s sign(g)
class Rprop final : public GroupedOptimizer<RpropOptions> {
 public:
  explicit Rprop(const ParameterList& parameters, const RpropOptions& options = {});
  explicit Rprop(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
