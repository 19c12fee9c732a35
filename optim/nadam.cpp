#include "optim/nadam.h"

#include <cmath>

#include "optim/moments.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const NAdamOptions& o) {
  expect_at_least(0, "NAdam", "lr", o.lr);
  expect_at_least(0, "NAdam", "eps", o.eps);
  expect_at_least(0, "NAdam", "weight_decay", o.weight_decay);
  expect_at_least(0, "NAdam", "momentum_decay", o.momentum_decay);
  expect_betas("NAdam", o.betas);
}

NAdam::NAdam(const ParameterList& parameters, const NAdamOptions& options)
    : NAdam(Groups{{parameters, options}}) {}

NAdam::NAdam(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.add_slot("exp_avg");
    member.add_slot("exp_avg_sq");
    member.add_number("mu_product", 1);
  }
}

void NAdam::update(Member& member, const Tensor& gradient, double step) {
  const NAdamOptions& o = options_of(member);
  const auto mu = [&o](double t) { return o.betas[0] * (1 - 0.5 * std::pow(0.96, t * o.momentum_decay)); };
  // PyTorch keeps the product in f32, for f64 parameters, too; it shows in the eighth digit of a step.
  const auto product = static_cast<float>(member.number("mu_product")) * static_cast<float>(mu(step));
  member.set_number("mu_product", product);
  const double next = mu(step + 1);
  const double of_gradient = o.lr * (1 - mu(step)) / (1 - double{product});
  const double of_average = o.lr * next / (1 - double{product} * next);
  const double correction2 = 1 - std::pow(o.betas[1], step);

  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const Moments<T> moments(o);
    const T of_g = T(of_gradient), of_m = T(of_average), correction = T(correction2), eps = T(o.eps);
    for_each_element<T>(
        [=](T& x, T dx, T& m, T& v) {
          dx = moments.take(x, dx, m, v);
          x = moments.keep * x - (of_g * dx + of_m * m) / (std::sqrt(v / correction) + eps);
        },
        p, gradient, member.slot("exp_avg"), member.slot("exp_avg_sq"));
  });
}

}  // namespace lockstep::optim
