#include "optim/rmsprop.h"

#include <cmath>

#include "optim/elementwise.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const RMSpropOptions& o) {
  expect_at_least(0, "RMSprop", "lr", o.lr);
  expect_at_least(0, "RMSprop", "eps", o.eps);
  expect_at_least(0, "RMSprop", "momentum", o.momentum);
  expect_at_least(0, "RMSprop", "weight_decay", o.weight_decay);
  expect_at_least(0, "RMSprop", "alpha", o.alpha);
}

RMSprop::RMSprop(const ParameterList& parameters, const RMSpropOptions& options)
    : RMSprop(Groups{{parameters, options}}) {}

RMSprop::RMSprop(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.add_slot("square_avg");
    if (options_of(member).centered) member.add_slot("grad_avg");
  }
  add_momentum_buffers();
}

void RMSprop::update(Member& member, const Tensor& gradient, double) {
  const RMSpropOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  // Where the rule has no such slot, one that is there anyway, never read.
  const Tensor& square_avg = member.slot("square_avg");
  const Tensor& grad_avg = o.centered ? member.slot("grad_avg") : square_avg;
  const Tensor& buffer = o.momentum > 0 ? member.slot("momentum_buffer") : square_avg;
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T sign = T(o.maximize ? -1 : 1), decay = T(o.weight_decay), eps = T(o.eps), lr = T(o.lr);
    const T alpha = T(o.alpha), rest = T(1 - o.alpha), momentum = T(o.momentum);
    const bool centered = o.centered, heavy = o.momentum > 0;
    for_each_element<T>(
        [=](T& x, T dx, T& v, T& a, T& b) {
          dx = sign * dx + decay * x;
          v = alpha * v + rest * dx * dx;
          if (centered) a = lerp(a, dx, rest);
          T move = dx / (std::sqrt(centered ? v - a * a : v) + eps);
          if (heavy) b = move = momentum * b + move;
          x -= lr * move;
        },
        p, gradient, square_avg, grad_avg, buffer);
  });
}

}  // namespace lockstep::optim
