#include "optim/lamb.h"

#include <algorithm>
#include <cmath>

#include "optim/clip.h"
#include "optim/elementwise.h"
#include "optim/matrix.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

// u = Adam's direction, m and v brought up to date.
template <typename T>
void adam_direction(const Tensor& u, const Tensor& gradient, const Member& member, const LAMBOptions& o,
                    double step, double gradient_scale) {
  const T beta1 = T(o.betas[0]), beta2 = T(o.betas[1]), rest1 = T(o.grad_averaging ? 1 - o.betas[0] : 1);
  const T rest2 = T(1 - o.betas[1]), eps = T(o.eps), factor = T(gradient_scale);
  const T correction1 = T(o.bias_correction ? 1 - std::pow(o.betas[0], step) : 1);
  const T root2 = T(std::sqrt(o.bias_correction ? 1 - std::pow(o.betas[1], step) : 1));
  for_each_element<T>(
      [=](T& ux, T dx, T& m, T& v) {
        dx *= factor;
        m = beta1 * m + rest1 * dx;
        v = beta2 * v + rest2 * dx * dx;
        ux = m / correction1 / (std::sqrt(v) / root2 + eps);
      },
      u, gradient, member.slot("exp_avg"), member.slot("exp_avg_sq"));
}

// Keeps what goes with the gradient, scaled up by the share of what was dropped.
template <typename T>
void be_cautious(const Tensor& u, const Tensor& gradient) {
  for_each_element<T>([](T& ux, T dx) { ux = ux * dx > 0 ? ux : 0; }, u, gradient);
  const T* first = u.data<T>();
  const auto kept = u.numel() - std::count(first, first + u.numel(), T(0));
  scale(u, 1 / std::max(static_cast<double>(kept) / static_cast<double>(u.numel()), 1e-3));
}

double trust_ratio(const Tensor& p, const Tensor& u, bool clip) {
  const double of_p = std::sqrt(sum_of_squares(p)), of_u = std::sqrt(sum_of_squares(u));
  const double ratio = of_p > 0 && of_u > 0 ? of_p / of_u : 1;
  return clip ? std::min(ratio, 1.0) : ratio;
}

}  // namespace

void validate(const LAMBOptions& o) {
  expect_at_least(0, "LAMB", "lr", o.lr);
  expect_at_least(0, "LAMB", "eps", o.eps);
  expect_at_least(0, "LAMB", "weight_decay", o.weight_decay);
  expect_betas("LAMB", o.betas);
}

LAMB::LAMB(const ParameterList& parameters, const LAMBOptions& options)
    : LAMB(Groups{{parameters, options}}) {}

LAMB::LAMB(const Groups& groups)
    : GroupedOptimizer(groups), first_lr_(groups.empty() ? 0 : groups[0].options.lr) {
  for (Member& member : members()) {
    member.add_slot("exp_avg");
    member.add_slot("exp_avg_sq");
  }
}

void LAMB::prepare() {
  const std::optional<double> most = groups() > 0 ? options().max_grad_norm : std::nullopt;
  gradient_scale_ = most ? 1 / std::max(grad_norm(parameters()) / *most, 1.0) : 1;
}

void LAMB::update(Member& member, const Tensor& gradient, double step) {
  const LAMBOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  const Tensor u = empty_like(p);
  dispatch_real(p.dtype(),
                [&](auto t) { adam_direction<decltype(t)>(u, gradient, member, o, step, gradient_scale_); });
  if (o.caution) {
    for (const RowRange& range : row_ranges(member.parameter(), o.scale_by)) {
      dispatch_real(p.dtype(),
                    [&](auto t) { be_cautious<decltype(t)>(rows(u, range), rows(gradient, range)); });
    }
  }
  if (o.decoupled_decay) {
    scale(p, 1 - o.weight_decay * (o.corrected_weight_decay ? o.lr * o.lr / first_lr_ : o.lr));
  } else {
    accumulate(u, p, o.weight_decay);
  }
  const bool adapt = o.weight_decay != 0 || o.always_adapt;
  for (const RowRange& range : row_ranges(member.parameter(), o.scale_by)) {
    const Tensor part = rows(p, range), direction = rows(u, range);
    accumulate(part, direction, -o.lr * (adapt ? trust_ratio(part, direction, o.trust_clip) : 1));
  }
}

}  // namespace lockstep::optim
