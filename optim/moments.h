#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// What the rules of Adam's family share: weight decay, and the running averages of the gradient and of its
// square.
template <typename T>
struct Moments {
  T keep;  // what is left of a parameter by decoupled decay
  T sign, decay, rest1, beta2, rest2;

  // Options with lr, betas, weight_decay, decoupled_weight_decay and maximize.
  template <typename Options>
  explicit Moments(const Options& o)
      : keep(T(o.decoupled_weight_decay ? 1 - o.lr * o.weight_decay : 1)),
        sign(T(o.maximize ? -1 : 1)),
        decay(T(o.decoupled_weight_decay ? 0 : o.weight_decay)),
        rest1(T(1 - o.betas[0])),
        beta2(T(o.betas[1])),
        rest2(T(1 - o.betas[1])) {}

  // Takes the gradient dx of x into the averages m and v; returns the gradient with its sign and decay.
  T take(T x, T dx, T& m, T& v) const {
    dx = sign * dx + decay * x;
    m = lerp(m, dx, rest1);
    v = beta2 * v + rest2 * dx * dx;
    return dx;
  }
};

}  // namespace lockstep::optim
