#include "optim/radam.h"

#include <cmath>
#include <optional>

#include "optim/moments.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

// r_t sqrt(1 - b2^t); none while the variance is out of hand.
std::optional<double> rectification(double beta2, double step) {
  const double power = std::pow(beta2, step), correction = 1 - power;
  const double rho = 2 / (1 - beta2) - 1, now = rho - 2 * step * power / correction;
  if (!(now > 5)) return std::nullopt;
  return std::sqrt((now - 4) * (now - 2) * rho / ((rho - 4) * (rho - 2) * now)) * std::sqrt(correction);
}

}  // namespace

void validate(const RAdamOptions& o) {
  expect_at_least(0, "RAdam", "lr", o.lr);
  expect_at_least(0, "RAdam", "eps", o.eps);
  expect_at_least(0, "RAdam", "weight_decay", o.weight_decay);
  expect_betas("RAdam", o.betas);
}

RAdam::RAdam(const ParameterList& parameters, const RAdamOptions& options)
    : RAdam(Groups{{parameters, options}}) {}

RAdam::RAdam(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.add_slot("exp_avg");
    member.add_slot("exp_avg_sq");
  }
}

void RAdam::update(Member& member, const Tensor& gradient, double step) {
  const RAdamOptions& o = options_of(member);
  const std::optional<double> rectified = rectification(o.betas[1], step);
  const double size = o.lr / (1 - std::pow(o.betas[0], step));
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const Moments<T> moments(o);
    const T plain = T(size), adaptive = T(size * rectified.value_or(0)), eps = T(o.eps);
    const bool adapt = rectified.has_value();
    for_each_element<T>(
        [=](T& x, T dx, T& m, T& v) {
          moments.take(x, dx, m, v);
          x = moments.keep * x - m * (adapt ? adaptive / (std::sqrt(v) + eps) : plain);
        },
        p, gradient, member.slot("exp_avg"), member.slot("exp_avg_sq"));
  });
}

}  // namespace lockstep::optim
