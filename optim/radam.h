#pragma once

#include <array>

#include "optim/grouped.h"

namespace lockstep::optim {

struct RAdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p, unless decoupled
  bool decoupled_weight_decay = false;
  bool maximize = false;
};

void visit(auto& field, RAdamOptions& o) {
  field("lr", o.lr), field("betas", o.betas), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("decoupled_weight_decay", o.decoupled_weight_decay), field("maximize", o.maximize);
}
void validate(const RAdamOptions& o);

// RAdam, Adam whose first steps trust the second moment as far as its variance allows (Liu et al. 2020,
// arXiv:1908.03265): with m, v those of Adam,
//   rho = 2 / (1 - b2) - 1;  rho_t = rho - 2 t b2^t / (1 - b2^t)
//   r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
//   p -= lr m / (1 - b1^t) r_t sqrt(1 - b2^t) / (sqrt(v) + eps)    where rho_t > 5
//   p -= lr m / (1 - b1^t)                                         before
class RAdam final : public GroupedOptimizer<RAdamOptions> {
 public:
  explicit RAdam(const ParameterList& parameters, const RAdamOptions& options = {});
  explicit RAdam(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
