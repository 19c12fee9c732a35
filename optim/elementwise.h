#pragma once

#include "optim/registry.h"

namespace lockstep::optim {

// The constants of elementwise rules (core/rules.h) that follow from options which several of them have:
// maximize, weight_decay, decoupled_weight_decay, betas.

template <typename Options>
rules::Seen<double> seen_by(const Options& o) {
  bool decoupled = false;
  if constexpr (requires { o.decoupled_weight_decay; }) decoupled = o.decoupled_weight_decay;
  return {.sign = o.maximize ? -1.0 : 1.0, .decay = decoupled ? 0 : o.weight_decay};
}

template <typename Options>
rules::Moments<double> moments_of(const Options& o) {
  return {.seen = seen_by(o), .rest1 = 1 - o.betas[0], .beta2 = o.betas[1], .rest2 = 1 - o.betas[1]};
}

// Options with momentum, dampening and nesterov. As in PyTorch, asked of the first group only: another may
// well do without momentum.
template <typename Options>
void check_nesterov(const char* name, const Options& o) {
  check(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
        "[{}] nesterov needs a momentum above 0 and no dampening, got {} and {}", name, o.momentum,
        o.dampening);
}

template <typename Options>
UpdateRule momentum_rule(const Options& o, const rules::Seen<double>& seen, double step) {
  if (o.momentum == 0) return rules::Sgd<double>{seen, o.lr};
  const bool first = step == 1;
  return rules::Momentum<double>{.seen = seen,
                                 .lr = o.lr,
                                 .momentum = first ? 0 : o.momentum,
                                 .fresh = first ? 1 : 1 - o.dampening,
                                 .ahead = o.nesterov ? o.momentum : 1,
                                 .now = o.nesterov ? 1.0 : 0.0};
}

// What decoupled decay leaves of a parameter.
template <typename Options>
double kept(const Options& o) {
  return o.decoupled_weight_decay ? 1 - o.lr * o.weight_decay : 1;
}

}  // namespace lockstep::optim
