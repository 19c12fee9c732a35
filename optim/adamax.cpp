#include "optim/adamax.h"

#include <algorithm>
#include <cmath>

#include "optim/elementwise.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const AdamaxOptions& o) {
  expect_at_least(0, "Adamax", "lr", o.lr);
  expect_at_least(0, "Adamax", "eps", o.eps);
  expect_at_least(0, "Adamax", "weight_decay", o.weight_decay);
  expect_betas("Adamax", o.betas);
}

Adamax::Adamax(const ParameterList& parameters, const AdamaxOptions& options)
    : Adamax(Groups{{parameters, options}}) {}

Adamax::Adamax(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.add_slot("exp_avg");
    member.add_slot("exp_inf");
  }
}

void Adamax::update(Member& member, const Tensor& gradient, double step) {
  const AdamaxOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T sign = T(o.maximize ? -1 : 1), decay = T(o.weight_decay), eps = T(o.eps);
    const T rest1 = T(1 - o.betas[0]), beta2 = T(o.betas[1]);
    const T rate = T(o.lr / (1 - std::pow(o.betas[0], step)));
    for_each_element<T>(
        [=](T& x, T dx, T& m, T& most) {
          dx = sign * dx + decay * x;
          m = lerp(m, dx, rest1);
          most = std::max(beta2 * most, std::abs(dx) + eps);
          x -= rate * m / most;
        },
        p, gradient, member.slot("exp_avg"), member.slot("exp_inf"));
  });
}

}  // namespace lockstep::optim
