#include "optim/lars.h"

#include <cmath>

#include "core/cpu/simd/optimizer_steps.h"
#include "core/kernels.h"
#include "optim/matrix.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

double trust_ratio(const Tensor& p, const Tensor& g, const LARSOptions& o) {
  const double of_p = std::sqrt(sum_of_squares(p)), of_g = std::sqrt(sum_of_squares(g));
  const double ratio =
      of_p > 0 && of_g > 0 ? o.trust_coeff * of_p / (of_g + of_p * o.weight_decay + o.eps) : 1;
  return o.trust_clip ? std::min(ratio / o.lr, 1.0) : ratio;
}

}  // namespace

void validate(const LARSOptions& o) {
  expect_at_least(0, "LARS", "lr", o.lr);
  expect_at_least(0, "LARS", "momentum", o.momentum);
  expect_at_least(0, "LARS", "weight_decay", o.weight_decay);
}

LARS::LARS(const ParameterList& parameters, const LARSOptions& options)
    : LARS(Groups{{parameters, options}}) {}

LARS::LARS(const Groups& groups) : GroupedOptimizer(groups) {
  if (groups.empty()) return;
  // As in PyTorch, of the first group only: another may well do without momentum.
  const LARSOptions& o = groups[0].options;
  check(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
        "[LARS] nesterov needs a momentum above 0 and no dampening, got {} and {}", o.momentum, o.dampening);
  add_momentum_buffers();
}

void LARS::update(Member& member, const Tensor& gradient, double step) {
  const LARSOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  Tensor g = gradient;
  if (o.weight_decay != 0 || o.always_adapt) {
    g = empty_like(gradient);
    kernels(g).copy(g, gradient);
    for (const RowRange& range : row_ranges(member.parameter(), o.scale_by)) {
      const Tensor part = rows(p, range), slope = rows(g, range);
      const double ratio = trust_ratio(part, slope, o);
      accumulate(slope, part, o.weight_decay);
      scale(slope, ratio);
    }
  }
  const cpu::SgdStep constants{.lr = o.lr,
                               .momentum = o.momentum,
                               .dampening = o.dampening,
                               .nesterov = o.nesterov,
                               .first = step == 1};
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    T* buffer = o.momentum != 0 ? member.slot("momentum_buffer").data<T>() : nullptr;
    cpu::sgd(p.data<T>(), buffer, g.data<T>(), p.numel(), constants);
  });
}

}  // namespace lockstep::optim
