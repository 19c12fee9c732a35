#pragma once

#include <array>

#include "optim/grouped.h"

namespace lockstep::optim {

struct NAdamOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p, unless decoupled
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
  bool maximize = false;
};

void visit(auto& field, NAdamOptions& o) {
  field("lr", o.lr), field("betas", o.betas), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("momentum_decay", o.momentum_decay), field("decoupled_weight_decay", o.decoupled_weight_decay);
  field("maximize", o.maximize);
}
void validate(const NAdamOptions& o);

// NAdam, Adam with Nesterov momentum (Dozat 2016, openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ), as PyTorch
// writes it: with m, v those of Adam,
//   mu_t = b1 (1 - 0.96^(t momentum_decay) / 2);  M_t = mu_1 mu_2 ... mu_t
//   p -= lr ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / (sqrt(v / (1 - b2^t)) + eps)
class NAdam final : public GroupedOptimizer<NAdamOptions> {
 public:
  explicit NAdam(const ParameterList& parameters, const NAdamOptions& options = {});
  explicit NAdam(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
