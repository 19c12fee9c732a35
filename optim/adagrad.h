#pragma once

#include "optim/grouped.h"

namespace lockstep::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;      // the rate of step t is lr / (1 + (t - 1) lr_decay)
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool maximize = false;
};

void visit(auto& field, AdagradOptions& o) {
  field("lr", o.lr), field("lr_decay", o.lr_decay), field("weight_decay", o.weight_decay);
  field("initial_accumulator_value", o.initial_accumulator_value), field("eps", o.eps);
  field("maximize", o.maximize);
}
void validate(const AdagradOptions& o);

// Adagrad (Duchi, Hazan and Singer 2011, jmlr.org/papers/v12/duchi11a.html):
//   s += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
class Adagrad final : public GroupedOptimizer<AdagradOptions> {
 public:
  explicit Adagrad(const ParameterList& parameters, const AdagradOptions& options = {});
  explicit Adagrad(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
