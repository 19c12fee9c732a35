#include "optim/adagrad.h"

#include <cmath>

#include "optim/elementwise.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const AdagradOptions& o) {
  expect_at_least(0, "Adagrad", "lr", o.lr);
  expect_at_least(0, "Adagrad", "lr_decay", o.lr_decay);
  expect_at_least(0, "Adagrad", "weight_decay", o.weight_decay);
  expect_at_least(0, "Adagrad", "initial_accumulator_value", o.initial_accumulator_value);
  expect_at_least(0, "Adagrad", "eps", o.eps);
}

Adagrad::Adagrad(const ParameterList& parameters, const AdagradOptions& options)
    : Adagrad(Groups{{parameters, options}}) {}

Adagrad::Adagrad(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) member.add_slot("sum", options_of(member).initial_accumulator_value);
}

void Adagrad::update(Member& member, const Tensor& gradient, double step) {
  const AdagradOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T sign = T(o.maximize ? -1 : 1), decay = T(o.weight_decay), eps = T(o.eps);
    const T rate = T(o.lr / (1 + (step - 1) * o.lr_decay));
    for_each_element<T>(
        [=](T& x, T dx, T& s) {
          dx = sign * dx + decay * x;
          s += dx * dx;
          x -= rate * dx / (std::sqrt(s) + eps);
        },
        p, gradient, member.slot("sum"));
  });
}

}  // namespace lockstep::optim
