#include "optim/adam.h"

#include <algorithm>
#include <cmath>

#include "core/cpu/simd/optimizer_steps.h"
#include "optim/elementwise.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

// Adam's step with the largest second moment so far in place of v.
template <typename T>
void amsgrad_step(const Tensor& p, const Tensor& g, const Member& member, const cpu::AdamStep& o) {
  const T rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2), eps = T(o.eps);
  const T sign = T(o.gradient_scale), step_size = T(o.lr / o.correction1),
          root2 = T(std::sqrt(o.correction2));
  const T keep = T(o.decoupled ? 1 - o.lr * o.weight_decay : 1), decay = T(o.decoupled ? 0 : o.weight_decay);
  for_each_element<T>(
      [=](T& x, T dx, T& m, T& v, T& most) {
        dx = sign * dx + decay * x;
        m = lerp(m, dx, rest1);
        v = beta2 * v + rest2 * dx * dx;
        most = std::max(most, v);
        x = keep * x - step_size * m / (std::sqrt(most) / root2 + eps);
      },
      p, g, member.slot("exp_avg"), member.slot("exp_avg_sq"), member.slot("max_exp_avg_sq"));
}

}  // namespace

void validate(const AdamOptions& o) {
  expect_at_least(0, "Adam", "lr", o.lr);
  expect_at_least(0, "Adam", "eps", o.eps);
  expect_at_least(0, "Adam", "weight_decay", o.weight_decay);
  expect_betas("Adam", o.betas);
}

Adam::Adam(const ParameterList& parameters, const AdamOptions& options)
    : Adam(Groups{{parameters, options}}) {}

Adam::Adam(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.remember("exp_avg");
    member.remember("exp_avg_sq");
    if (options_of(member).amsgrad) member.remember("max_exp_avg_sq");
  }
}

void Adam::update(Member& member, const Tensor& gradient, double step) {
  const AdamOptions& o = options_of(member);
  const cpu::AdamStep constants{.lr = o.lr,
                                .beta1 = o.betas[0],
                                .beta2 = o.betas[1],
                                .eps = o.eps,
                                .weight_decay = o.weight_decay,
                                .decoupled = o.decoupled_weight_decay,
                                .correction1 = 1 - std::pow(o.betas[0], step),
                                .correction2 = 1 - std::pow(o.betas[1], step),
                                .gradient_scale = o.maximize ? -1.0 : 1.0};
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    if (o.amsgrad) return amsgrad_step<T>(p, gradient, member, constants);
    cpu::adam(p.data<T>(), member.slot("exp_avg").data<T>(), member.slot("exp_avg_sq").data<T>(),
              gradient.data<T>(), p.numel(), constants);
  });
}

}  // namespace lockstep::optim
