#include "optim/lars.h"

#include <limits>

#include "core/ops.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

// The factor of each gradient.
Tensor trust_ratios(const std::vector<Tensor>& parameters, const std::vector<Tensor>& gradients,
                    const LARSOptions& o) {
  const Tensor of_p = norms(parameters), of_g = norms(gradients);
  const Tensor ratios =
      one_unless_positive(of_p, of_g, o.trust_coeff * of_p / (of_g + o.weight_decay * of_p + o.eps));
  return o.trust_clip ? clamp(ratios / o.lr, 0, 1) : ratios;
}

}  // namespace

void LARSOptions::update(const Step& step) const {
  std::vector<Tensor> parameters, gradients;  // by the ranges of scale_by
  std::vector<std::pair<UpdateRule, std::array<Tensor, 3>>> rules_and_slots;
  for (const Due& d : step.due) {
    for (const RowRange& range : ranges_by(d.member.parameter(), scale_by, vectors_by)) {
      parameters.push_back(rows(d.parameter(), range)), gradients.push_back(rows(d.gradient, range));
      std::array<Tensor, 3> slots = d.member.update_slots();
      if (slots[0].defined()) slots[0] = rows(slots[0], range);
      rules_and_slots.emplace_back(momentum_rule(*this, {}, d.step), slots);
    }
  }
  Updates updates(step.only_if_finite);
  Tensor ratios;
  if (weight_decay != 0 || always_adapt) {
    ratios = trust_ratios(parameters, gradients, *this);
    for (std::size_t i = 0; weight_decay != 0 && i < gradients.size(); ++i) {
      gradients[i] = clone(gradients[i]);
      updates.add(rules::Add<double>{1, weight_decay}, {.p = gradients[i], .g = parameters[i]});
    }
    updates.run();
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    updates.add(rules_and_slots[i].first, {parameters[i], gradients[i], rules_and_slots[i].second,
                                           ratios.defined() ? element(ratios, i) : Tensor()});
  }
  updates.run();
}

}  // namespace lockstep::optim
