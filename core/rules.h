#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <type_traits>
#include <variant>

#include "core/host_device.h"

// The elementwise rules of the optimizers (and of what is done to their matrices), written once for every
// backend: what becomes of a parameter p with the gradient g and of the rule's state, its slots. A rule is
// its constants, all of type T: computed in f64, rounded to the element type once. What is to be a fused
// multiply-add is written as one, so that with contraction off a step has the same bits on every processor.
namespace lockstep::rules {

// from + weight (to - from), exact at both ends: a small `to` is not lost in a large `from`.
template <typename T>
LOCKSTEP_HD T lerp(T from, T to, T weight) {
  return weight < T(0.5) ? from + weight * (to - from) : to - (to - from) * (1 - weight);
}

template <typename T>
LOCKSTEP_HD T larger(T a, T b) {  // NaN if a is
  return a < b ? b : a;
}

// The gradient that a rule sees: uphill (sign -1) to maximise, with the weight decay that goes through it.
template <typename T>
struct Seen {
  T sign = 1, decay = 0;
  LOCKSTEP_HD T operator()(T p, T g) const { return std::fma(decay, p, sign * g); }
};

// p -= lr g
template <typename T>
struct Sgd {
  Seen<T> seen;
  T lr;
  static constexpr int slots = 0;
  LOCKSTEP_HD void operator()(T& p, T g) const { p = std::fma(-lr, seen(p, g), p); }
};

// b = momentum b + fresh g;  p -= lr (ahead b + now g): (1, 0), or with Nesterov's look ahead (momentum, 1).
// Sutskever et al. 2013.
template <typename T>
struct Momentum {
  Seen<T> seen;
  T lr, momentum, fresh, ahead, now;
  static constexpr int slots = 1;
  LOCKSTEP_HD void operator()(T& p, T g, T& b) const {
    g = seen(p, g);
    b = std::fma(momentum, b, fresh * g);
    p = std::fma(-lr, std::fma(ahead, b, now * g), p);
  }
};

// m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2: the running averages of Adam's family. Returns g.
template <typename T>
struct Moments {
  Seen<T> seen;
  T rest1, beta2, rest2;
  LOCKSTEP_HD T take(T p, T g, T& m, T& v) const {
    g = seen(p, g);
    m = std::fma(rest1, g - m, m);
    v = std::fma(rest2 * g, g, beta2 * v);
    return g;
  }
};

// p = keep p - size m / (root sqrt(v) + eps). Kingma and Ba 2015, arXiv:1412.6980; Loshchilov and Hutter
// 2019, arXiv:1711.05101.
template <typename T>
struct Adam {
  Moments<T> moments;
  T keep, size, root, eps;
  static constexpr int slots = 2;
  LOCKSTEP_HD void descend(T& p, T m, T v) const {
    p = std::fma(-size, m / std::fma(std::sqrt(v), root, eps), keep * p);
  }
  LOCKSTEP_HD void operator()(T& p, T g, T& m, T& v) const {
    moments.take(p, g, m, v);
    descend(p, m, v);
  }
};

// Adam with the largest v so far. Reddi et al. 2018, arXiv:1904.09237.
template <typename T>
struct Amsgrad {
  Adam<T> adam;
  static constexpr int slots = 3;
  LOCKSTEP_HD void operator()(T& p, T g, T& m, T& v, T& most) const {
    adam.moments.take(p, g, m, v);
    most = larger(most, v);
    adam.descend(p, m, most);
  }
};

// p = keep p - (of_gradient g + of_average m) / (root sqrt(v) + eps). Dozat 2016, NAdam.
template <typename T>
struct NAdam {
  Moments<T> moments;
  T keep, of_gradient, of_average, root, eps;
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& m, T& v) const {
    g = moments.take(p, g, m, v);
    p = keep * p - (of_gradient * g + of_average * m) / (std::sqrt(v) * root + eps);
  }
};

// p = keep p - m adaptive / (sqrt(v) + eps), or plain m while the variance of v is not tractable (adaptive
// 0). Liu et al. 2020, arXiv:1908.03265, RAdam.
template <typename T>
struct RAdam {
  Moments<T> moments;
  T keep, plain, adaptive, eps;
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& m, T& v) const {
    moments.take(p, g, m, v);
    p = keep * p - m * (adaptive > 0 ? adaptive / (std::sqrt(v) + eps) : plain);
  }
};

// m += rest1 (g - m);  u = max(beta2 u, |g| + eps);  p -= rate m / u. Kingma and Ba 2015, section 7.1.
template <typename T>
struct Adamax {
  Seen<T> seen;
  T rest1, beta2, rate, eps;
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& m, T& u) const {
    g = seen(p, g);
    m = lerp(m, g, rest1);
    u = larger(beta2 * u, std::abs(g) + eps);
    p -= rate * m / u;
  }
};

// v = alpha v + (1 - alpha) g^2;  p -= lr g / (sqrt(v) + eps). Hinton 2012; centered, with the variance
// v - a^2, a += (1 - alpha) (g - a), instead of v: Graves 2013, arXiv:1308.0850. With momentum,
// b = momentum b + g / (...);  p -= lr b.
template <typename T>
struct RMSprop {
  Seen<T> seen;
  T lr, alpha, rest, eps, momentum;
  static constexpr int slots = 1;
  LOCKSTEP_HD T direction(T g, T& v) const {
    v = alpha * v + rest * g * g;
    return g / (std::sqrt(v) + eps);
  }
  LOCKSTEP_HD T direction(T g, T& v, T& a) const {
    v = alpha * v + rest * g * g;
    a = lerp(a, g, rest);
    return g / (std::sqrt(v - a * a) + eps);
  }
  LOCKSTEP_HD T gather(T& b, T direction) const { return b = momentum * b + direction; }
  LOCKSTEP_HD void operator()(T& p, T g, T& v) const { p -= lr * direction(seen(p, g), v); }
};
template <typename T>
struct RMSpropMomentum : RMSprop<T> {
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& v, T& b) const {
    p -= this->lr * this->gather(b, this->direction(this->seen(p, g), v));
  }
};
template <typename T>
struct CenteredRMSprop : RMSprop<T> {
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& v, T& a) const {
    p -= this->lr * this->direction(this->seen(p, g), v, a);
  }
};
template <typename T>
struct CenteredRMSpropMomentum : RMSprop<T> {
  static constexpr int slots = 3;
  LOCKSTEP_HD void operator()(T& p, T g, T& v, T& a, T& b) const {
    p -= this->lr * this->gather(b, this->direction(this->seen(p, g), v, a));
  }
};

// s += g^2;  p -= rate g / (sqrt(s) + eps). Duchi, Hazan and Singer 2011.
template <typename T>
struct Adagrad {
  Seen<T> seen;
  T rate, eps;
  static constexpr int slots = 1;
  LOCKSTEP_HD void operator()(T& p, T g, T& s) const {
    g = seen(p, g);
    s += g * g;
    p -= rate * g / (std::sqrt(s) + eps);
  }
};

// v = rho v + (1 - rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g;  a = rho a + (1 - rho) d^2;  p -= lr d.
// Zeiler 2012, arXiv:1212.5701.
template <typename T>
struct Adadelta {
  Seen<T> seen;
  T lr, rho, rest, eps;
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& v, T& a) const {
    g = seen(p, g);
    v = rho * v + rest * g * g;
    const T d = std::sqrt(a + eps) / std::sqrt(v + eps) * g;
    a = rho * a + rest * d * d;
    p -= lr * d;
  }
};

// s = clamp(s up) where g has the sign of the last g, clamp(s down) where it changed, and then g = 0;
// p -= s sign(g). `initial` is the first step's s, 0 later. Riedmiller and Braun 1993.
template <typename T>
struct Rprop {
  T sign, initial, down, up, least, most;
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& p, T g, T& last, T& s) const {
    g *= sign;
    const T agreement = g * last;
    s = (initial > 0 ? initial : s) * (agreement > 0 ? up : agreement < 0 ? down : T(1));
    s = s < least ? least : s;
    s = s > most ? most : s;
    g = agreement < 0 ? T(0) : g;
    p -= s * (T(g > 0) - T(g < 0));
    last = g;
  }
};

// What follows does not step a parameter, but makes the matrix u that one is stepped by (makes_p: without
// reading what was there), or averages.

// b += rest (g - b);  u = g + ahead (b - g)
template <typename T>
struct MuonMomentum {
  T rest, ahead;
  static constexpr bool makes_p = true;
  static constexpr int slots = 1;
  LOCKSTEP_HD void operator()(T& u, T g, T& b) const {
    b = lerp(b, g, rest);
    u = lerp(g, b, ahead);
  }
};

// m = beta1 m + rest1 g;  v = beta2 v + rest2 g^2;  u = size m / (root sqrt(v) + eps)
template <typename T>
struct LambDirection {
  T beta1, rest1, beta2, rest2, size, root, eps;
  static constexpr bool makes_p = true;
  static constexpr int slots = 2;
  LOCKSTEP_HD void operator()(T& u, T g, T& m, T& v) const {
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * g * g;
    u = size * m / (std::sqrt(v) * root + eps);
  }
};

// v += weight (g^2 - v);  u = g / sqrt(max(v, least))
template <typename T>
struct AdafactorDirection {
  T weight, least;
  static constexpr bool makes_p = true;
  static constexpr int slots = 1;
  LOCKSTEP_HD void operator()(T& u, T g, T& v) const {
    v = lerp(v, g * g, weight);
    u = g / std::sqrt(larger(v, least));
  }
};

// p += weight (factor g - p)
template <typename T>
struct Average {
  T weight, factor;
  static constexpr int slots = 0;
  LOCKSTEP_HD void operator()(T& p, T g) const { p = lerp(p, factor * g, weight); }
};

// p = keep p + factor g
template <typename T>
struct Add {
  T keep, factor;
  static constexpr int slots = 0;
  LOCKSTEP_HD void operator()(T& p, T g) const { p = std::fma(factor, g, keep * p); }
};

// u = factor g
template <typename T>
struct Take {
  T factor = 1;
  static constexpr bool makes_p = true;
  static constexpr int slots = 0;
  LOCKSTEP_HD void operator()(T& u, T g) const { u = factor * g; }
};

// p = factor g p
template <typename T>
struct Multiply {
  T factor = 1;
  static constexpr int slots = 0;
  LOCKSTEP_HD void operator()(T& p, T g) const { p *= factor * g; }
};

// The rule with its constants rounded to T.
template <typename T, template <typename> class Rule>
Rule<T> rounded(const Rule<double>& rule) {
  constexpr std::size_t count = sizeof(Rule<double>) / sizeof(double);
  static_assert(sizeof(Rule<T>) == count * sizeof(T) && std::is_trivially_copyable_v<Rule<double>>);
  const auto exact = std::bit_cast<std::array<double, count>>(rule);
  std::array<T, count> near;
  std::transform(exact.begin(), exact.end(), near.begin(), [](double x) { return static_cast<T>(x); });
  return std::bit_cast<Rule<T>>(near);
}

}  // namespace lockstep::rules

namespace lockstep {

using UpdateRule =
    std::variant<rules::Sgd<double>, rules::Momentum<double>, rules::Adam<double>, rules::Amsgrad<double>,
                 rules::NAdam<double>, rules::RAdam<double>, rules::Adamax<double>, rules::RMSprop<double>,
                 rules::RMSpropMomentum<double>, rules::CenteredRMSprop<double>,
                 rules::CenteredRMSpropMomentum<double>, rules::Adagrad<double>, rules::Adadelta<double>,
                 rules::Rprop<double>, rules::MuonMomentum<double>, rules::LambDirection<double>,
                 rules::AdafactorDirection<double>, rules::Average<double>, rules::Add<double>,
                 rules::Take<double>, rules::Multiply<double>>;

}  // namespace lockstep
