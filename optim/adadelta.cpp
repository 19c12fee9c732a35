#include "optim/adadelta.h"

#include <cmath>

#include "optim/elementwise.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const AdadeltaOptions& o) {
  expect_at_least(0, "Adadelta", "lr", o.lr);
  check(o.rho >= 0 && o.rho <= 1, "[Adadelta] rho must be 0 to 1, got {}", o.rho);
  expect_at_least(0, "Adadelta", "eps", o.eps);
  expect_at_least(0, "Adadelta", "weight_decay", o.weight_decay);
}

Adadelta::Adadelta(const ParameterList& parameters, const AdadeltaOptions& options)
    : Adadelta(Groups{{parameters, options}}) {}

Adadelta::Adadelta(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.add_slot("square_avg");
    member.add_slot("acc_delta");
  }
}

void Adadelta::update(Member& member, const Tensor& gradient, double) {
  const AdadeltaOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T sign = T(o.maximize ? -1 : 1), decay = T(o.weight_decay), eps = T(o.eps), lr = T(o.lr);
    const T rho = T(o.rho), rest = T(1 - o.rho);
    for_each_element<T>(
        [=](T& x, T dx, T& v, T& a) {
          dx = sign * dx + decay * x;
          v = rho * v + rest * dx * dx;
          const T move = std::sqrt(a + eps) / std::sqrt(v + eps) * dx;
          a = rho * a + rest * move * move;
          x -= lr * move;
        },
        p, gradient, member.slot("square_avg"), member.slot("acc_delta"));
  });
}

}  // namespace lockstep::optim
