#pragma once

#include "optim/grouped.h"

namespace lockstep::optim {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  double momentum = 0;
  bool centered = false;  // divide by the standard deviation, not by the root of the second moment
  bool maximize = false;
};

void visit(auto& field, RMSpropOptions& o) {
  field("lr", o.lr), field("alpha", o.alpha), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("momentum", o.momentum), field("centered", o.centered), field("maximize", o.maximize);
}
void validate(const RMSpropOptions& o);

// RMSprop (Hinton 2012, cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf), as PyTorch writes it:
//   v = alpha v + (1 - alpha) g^2;  d = sqrt(v) + eps;  b = momentum b + g / d;  p -= lr b
// and centered (Graves 2013, arXiv:1308.0850) a = alpha a + (1 - alpha) g;  d = sqrt(v - a^2) + eps.
class RMSprop final : public GroupedOptimizer<RMSpropOptions> {
 public:
  explicit RMSprop(const ParameterList& parameters, const RMSpropOptions& options = {});
  explicit RMSprop(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
