#pragma once

#include "optim/grouped.h"

namespace lockstep::optim {

struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  bool maximize = false;
};

void visit(auto& field, AdadeltaOptions& o) {
  field("lr", o.lr), field("rho", o.rho), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("maximize", o.maximize);
}
void validate(const AdadeltaOptions& o);

// Adadelta (Zeiler 2012, arXiv:1212.5701): a step in the units of the parameter,
//   v = rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g
//   a = rho a + (1 - rho) d^2;  p -= lr d
class Adadelta final : public GroupedOptimizer<AdadeltaOptions> {
 public:
  explicit Adadelta(const ParameterList& parameters, const AdadeltaOptions& options = {});
  explicit Adadelta(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
