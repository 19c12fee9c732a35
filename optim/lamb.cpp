#include "optim/lamb.h"

#include <cmath>

#include "core/ops.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

UpdateRule direction_rule(const LAMBOptions& o, double step) {
  return rules::LambDirection<double>{
      .beta1 = o.betas[0],
      .rest1 = o.grad_averaging ? 1 - o.betas[0] : 1,
      .beta2 = o.betas[1],
      .rest2 = 1 - o.betas[1],
      .size = o.bias_correction ? 1 / (1 - std::pow(o.betas[0], step)) : 1,
      .root = o.bias_correction ? 1 / std::sqrt(1 - std::pow(o.betas[1], step)) : 1,
      .eps = o.eps};
}

// Keeps what goes with the gradient, scaled up by the share of what was dropped.
void be_cautious(const Tensor& u, const Tensor& gradient) {
  const Tensor agrees = u * gradient > 0;
  kernels(u).where(u, agrees, u, zeros_like(u));
  const Tensor kept = mean(to(reshape(agrees, {-1}), DType::f64), {0}, true);
  Updates scale;
  scale.add(rules::Multiply<double>{}, {.p = u, .scale = 1 / clamp(kept, 1e-3, 1)});
  scale.run();
}

}  // namespace

Tensor LAMBOptions::gradient_scale(const std::vector<Tensor>& gradients) const {
  if (gradients.empty() || !max_grad_norm) return {};
  return 1 / clamp(joint_norm(gradients) / *max_grad_norm, 1, infinity);
}

void LAMBOptions::update(const Step& step) const {
  const auto& due = step.due;
  Updates updates(step.only_if_finite);
  std::vector<Tensor> directions;
  for (const Due& d : due) {
    directions.push_back(empty_like(d.parameter()));
    updates.add(direction_rule(*this, d.step),
                {directions.back(), d.gradient, d.member.update_slots(), step.gradient_scale});
  }
  updates.run();

  std::vector<Tensor> parameters, steps;  // by the ranges of scale_by
  for (std::size_t i = 0; i < due.size(); ++i) {
    for (const RowRange& range : ranges_by(due[i].member.parameter(), scale_by, vectors_by)) {
      parameters.push_back(rows(due[i].parameter(), range)), steps.push_back(rows(directions[i], range));
      if (caution) be_cautious(steps.back(), rows(due[i].gradient, range));
    }
  }
  const double decay = weight_decay * (corrected_weight_decay ? lr * lr / step.first_lr : lr);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (decoupled_decay) {
      updates.add(rules::Multiply<double>{1 - decay}, {.p = parameters[i]});
    } else {
      updates.add(rules::Add<double>{1, weight_decay}, {.p = steps[i], .g = parameters[i]});
    }
  }
  updates.run();

  Tensor ratios;
  if (weight_decay != 0 || always_adapt) {
    ratios = ratio_or_one(norms(parameters), norms(steps));
    if (trust_clip) ratios = clamp(ratios, 0, 1);
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    updates.add(
        rules::Add<double>{1, -lr},
        {.p = parameters[i], .g = steps[i], .scale = ratios.defined() ? element(ratios, i) : Tensor()});
  }
  updates.run();
}

}  // namespace lockstep::optim
