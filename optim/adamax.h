#pragma once

#include <array>

#include "optim/grouped.h"

namespace lockstep::optim {

struct AdamaxOptions {
  double lr = 2e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p
  bool maximize = false;
};

void visit(auto& field, AdamaxOptions& o) {
  field("lr", o.lr), field("betas", o.betas), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("maximize", o.maximize);
}
void validate(const AdamaxOptions& o);

// Adamax, Adam with an infinity norm (Kingma and Ba 2015, arXiv:1412.6980, section 7.1):
//   m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + eps);  p -= lr / (1 - b1^t) m / u
class Adamax final : public GroupedOptimizer<AdamaxOptions> {
 public:
  explicit Adamax(const ParameterList& parameters, const AdamaxOptions& options = {});
  explicit Adamax(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
