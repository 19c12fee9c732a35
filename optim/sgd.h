#pragma once

#include "optim/grouped.h"

namespace lockstep::optim {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};

void visit(auto& field, SGDOptions& o) {
  field("lr", o.lr), field("momentum", o.momentum), field("dampening", o.dampening);
  field("weight_decay", o.weight_decay), field("nesterov", o.nesterov), field("maximize", o.maximize);
}
void validate(const SGDOptions& o);

// Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch writes it:
//   g += weight_decay p;  b = momentum b + (1 - dampening) g (b = g in the first step);  p -= lr b
// with nesterov p -= lr (g + momentum b).
class SGD final : public GroupedOptimizer<SGDOptions> {
 public:
  explicit SGD(const ParameterList& parameters, const SGDOptions& options = {});
  explicit SGD(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
