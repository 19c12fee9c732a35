// Optimizer steps. Bound by memory bandwidth (Adam moves 7 elements a parameter); in L2 Adam is bound by its
// square root and division.
#include "core/cpu/simd/optimizer_steps.h"

#include <cmath>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/optimizer_steps.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/lanes-inl.h"

#ifndef LOCKSTEP_OPTIMIZER_TABLE  // once, not for every target
#define LOCKSTEP_OPTIMIZER_TABLE
namespace lockstep::cpu {
template <typename T>
struct OptimizerTable {
  void (*adam)(T* p, T* m, T* v, const T* g, std::int64_t n, const AdamStep& step);
  void (*sgd)(T* p, T* b, const T* g, std::int64_t n, const SgdStep& step);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// The gradient that the rule sees: scaled, and with the decay added unless that is decoupled.
template <typename T>
HWY_INLINE Vec<T> effective_gradient(Vec<T> g, Vec<T> p, T scale, T decay) {
  if (scale != T(1)) g = hn::Mul(g, set<T>(scale));
  return decay != T(0) ? hn::MulAdd(set<T>(decay), p, g) : g;
}

template <typename T>
void adam(T* p, T* m, T* v, const T* g, std::int64_t n, const AdamStep& step) {
  const T scale = static_cast<T>(step.gradient_scale);
  const T coupled = step.decoupled ? T(0) : static_cast<T>(step.weight_decay);
  const Vec<T> keep = set<T>(step.decoupled ? static_cast<T>(1 - step.lr * step.weight_decay) : T(1));
  const Vec<T> rate1 = set<T>(static_cast<T>(1 - step.beta1)), rate2 = set<T>(static_cast<T>(1 - step.beta2));
  const Vec<T> beta2 = set<T>(static_cast<T>(step.beta2)), eps = set<T>(static_cast<T>(step.eps));
  const Vec<T> size = set<T>(static_cast<T>(step.lr / step.correction1));
  const Vec<T> root = set<T>(static_cast<T>(1 / std::sqrt(step.correction2)));
  for_vectors<T>(n, [&](std::int64_t i, auto part) HWY_ATTR {
    const Vec<T> old = part.load(p + i);
    const Vec<T> grad = effective_gradient<T>(part.load(g + i), old, scale, coupled);
    const Vec<T> m0 = part.load(m + i);
    const Vec<T> m1 = hn::MulAdd(rate1, hn::Sub(grad, m0), m0);
    const Vec<T> v1 = hn::MulAdd(hn::Mul(rate2, grad), grad, hn::Mul(beta2, part.load(v + i)));
    part.store(m1, m + i);
    part.store(v1, v + i);
    const Vec<T> denominator = hn::MulAdd(hn::Sqrt(v1), root, eps);
    part.store(hn::NegMulAdd(size, hn::Div(m1, denominator), hn::Mul(keep, old)), p + i);
  });
}

template <typename T>
void sgd(T* p, T* b, const T* g, std::int64_t n, const SgdStep& step) {
  const T scale = static_cast<T>(step.gradient_scale), decay = static_cast<T>(step.weight_decay);
  const Vec<T> lr = set<T>(static_cast<T>(step.lr)), momentum = set<T>(static_cast<T>(step.momentum));
  const Vec<T> fresh = set<T>(static_cast<T>(1 - step.dampening));
  for_vectors<T>(n, [&](std::int64_t i, auto part) HWY_ATTR {
    const Vec<T> old = part.load(p + i);
    const Vec<T> grad = effective_gradient<T>(part.load(g + i), old, scale, decay);
    Vec<T> move = grad;
    if (step.momentum != 0) {
      const Vec<T> b1 = step.first ? grad : hn::MulAdd(momentum, part.load(b + i), hn::Mul(fresh, grad));
      part.store(b1, b + i);
      move = step.nesterov ? hn::MulAdd(momentum, b1, grad) : b1;
    }
    part.store(hn::NegMulAdd(lr, move, old), p + i);
  });
}

const Tables<OptimizerTable>& optimizer_tables() {
  static constexpr Tables<OptimizerTable> tables = {{adam<float>, sgd<float>}, {adam<double>, sgd<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(optimizer_tables);

namespace {
constexpr std::int64_t grain = 16384;  // elements, some 5 microseconds
}  // namespace

template <typename T>
void adam(T* p, T* m, T* v, const T* g, std::int64_t n, const AdamStep& step) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(optimizer_tables)().get<T>().adam;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    kernel(p + begin, m + begin, v + begin, g + begin, end - begin, step);
  });
}

template <typename T>
void sgd(T* p, T* b, const T* g, std::int64_t n, const SgdStep& step) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(optimizer_tables)().get<T>().sgd;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    kernel(p + begin, b == nullptr ? nullptr : b + begin, g + begin, end - begin, step);
  });
}

template void adam(float*, float*, float*, const float*, std::int64_t, const AdamStep&);
template void adam(double*, double*, double*, const double*, std::int64_t, const AdamStep&);
template void sgd(float*, float*, const float*, std::int64_t, const SgdStep&);
template void sgd(double*, double*, const double*, std::int64_t, const SgdStep&);

}  // namespace lockstep::cpu
#endif
