#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// RAdam, Adam whose first steps trust the second moment as far as its variance allows (Liu et al. 2020,
// arXiv:1908.03265): with m, v those of Adam,
//   rho = 2 / (1 - b2) - 1;  rho_t = rho - 2 t b2^t / (1 - b2^t)
//   r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
//   p -= lr m / (1 - b1^t) r_t sqrt(1 - b2^t) / (sqrt(v) + eps)    where rho_t > 5
//   p -= lr m / (1 - b1^t)                                         before
struct RAdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p, unless decoupled
  bool decoupled_weight_decay = false;
  bool maximize = false;

  static constexpr const char* name = "RAdam";
  void visit(auto& field) { visit_common(*this, field); }
  void add_slots(Member& member) const { member.add_slot("exp_avg"), member.add_slot("exp_avg_sq"); }
  // r_t sqrt(1 - b2^t); 0 while the variance is not tractable.
  double rectification(double step) const {
    const double power = std::pow(betas[1], step), correction = 1 - power;
    const double rho = 2 / (1 - betas[1]) - 1, now = rho - 2 * step * power / correction;
    if (!(now > 5)) return 0;
    return std::sqrt((now - 4) * (now - 2) * rho / ((rho - 4) * (rho - 2) * now)) * std::sqrt(correction);
  }
  UpdateRule rule(const Member&, double step) const {
    const double size = lr / (1 - std::pow(betas[0], step));
    return rules::RAdam<double>{.moments = moments_of(*this),
                                .keep = kept(*this),
                                .plain = size,
                                .adaptive = size * rectification(step),
                                .eps = eps};
  }
};

using RAdam = Rule<RAdamOptions>;
inline const Registered<RAdam> registered_radam;

}  // namespace lockstep::optim
