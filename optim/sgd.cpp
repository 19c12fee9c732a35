#include "optim/sgd.h"

#include "core/cpu/simd/optimizer_steps.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const SGDOptions& o) {
  expect_at_least(0, "SGD", "lr", o.lr);
  expect_at_least(0, "SGD", "momentum", o.momentum);
  expect_at_least(0, "SGD", "weight_decay", o.weight_decay);
}

SGD::SGD(const ParameterList& parameters, const SGDOptions& options) : SGD(Groups{{parameters, options}}) {}

SGD::SGD(const Groups& groups) : GroupedOptimizer(groups) {
  if (groups.empty()) return;
  // As in PyTorch, of the first group only: another may well do without momentum.
  const SGDOptions& o = groups[0].options;
  check(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
        "[SGD] nesterov needs a momentum above 0 and no dampening, got {} and {}", o.momentum, o.dampening);
  add_momentum_buffers();
}

void SGD::update(Member& member, const Tensor& gradient, double step) {
  const SGDOptions& o = options_of(member);
  const cpu::SgdStep constants{.lr = o.lr,
                               .momentum = o.momentum,
                               .dampening = o.dampening,
                               .weight_decay = o.weight_decay,
                               .nesterov = o.nesterov,
                               .first = step == 1,
                               .gradient_scale = o.maximize ? -1.0 : 1.0};
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    T* buffer = o.momentum != 0 ? member.slot("momentum_buffer").data<T>() : nullptr;
    cpu::sgd(p.data<T>(), buffer, gradient.data<T>(), p.numel(), constants);
  });
}

}  // namespace lockstep::optim
