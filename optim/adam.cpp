#include "optim/adam.h"

#include <algorithm>
#include <cmath>

#include "core/cpu/simd/optimizer_steps.h"
#include "optim/moments.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

// Adam's step with the largest second moment so far in place of v.
template <typename T>
void amsgrad_step(const Tensor& p, const Tensor& g, const Member& member, const AdamOptions& o,
                  double correction1, double correction2) {
  const Moments<T> moments(o);
  const T step_size = T(o.lr / correction1), root2 = T(std::sqrt(correction2)), eps = T(o.eps);
  for_each_element<T>(
      [=](T& x, T dx, T& m, T& v, T& most) {
        moments.take(x, dx, m, v);
        most = std::max(most, v);
        x = moments.keep * x - step_size * m / (std::sqrt(most) / root2 + eps);
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
    member.add_slot("exp_avg");
    member.add_slot("exp_avg_sq");
    if (options_of(member).amsgrad) member.add_slot("max_exp_avg_sq");
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
    if (o.amsgrad)
      return amsgrad_step<T>(p, gradient, member, o, constants.correction1, constants.correction2);
    cpu::adam(p.data<T>(), member.slot("exp_avg").data<T>(), member.slot("exp_avg_sq").data<T>(),
              gradient.data<T>(), p.numel(), constants);
  });
}

}  // namespace lockstep::optim
