#include "optim/sgd.h"

#include "core/cpu/simd/optimizer_steps.h"

namespace lockstep::optim {

SGD::SGD(const ParameterList& parameters, const SGDOptions& options) : SGD(Groups{{parameters, options}}) {}

SGD::SGD(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    const SGDOptions& o = options_of(member);
    check(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
          "[SGD] nesterov needs a momentum above 0 and no dampening, got {} and {}", o.momentum, o.dampening);
    if (o.momentum != 0) member.remember("momentum_buffer");
  }
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
