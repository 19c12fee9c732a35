// GELU. Bound by arithmetic: some 45 operations a vector, one division among them; the slope takes 2 more.
#include "core/cpu/simd/gelu.h"

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/gelu.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/math-inl.h"

#ifndef LOCKSTEP_GELU_TABLE  // once, not for every target
#define LOCKSTEP_GELU_TABLE
namespace lockstep::cpu {
template <typename T>
struct GeluTable {
  void (*forward)(Gelu form, T* y, const T* x, std::int64_t n);
  void (*slope)(Gelu form, T* slope, const T* x, std::int64_t n);
  void (*both)(Gelu form, T* y, T* slope, const T* x, std::int64_t n);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

template <typename T>
struct ValueAndSlope {
  Vec<T> value, slope;
};

// Each form has at(x) = {gelu(x), gelu'(x)}, of which the compiler leaves out what is not used.
template <typename T>
struct ExactGelu {
  // x P(x) and P(x) + x p(x), with the density p(x) = exp(-x^2 / 2) / sqrt(2 pi)
  static HWY_INLINE ValueAndSlope<T> at(Vec<T> x) {
    const NormalTail<T> tail(x);
    const Vec<T> below = normal_probability<T>(tail, x);
    const Vec<T> density = hn::Mul(tail.bell, set<T>(static_cast<T>(0.39894228040143267794)));
    return {hn::Mul(x, below), hn::MulAdd(x, density, below)};
  }
};

// With u = 2 sqrt(2 / pi) (x + 0.044715 x^3), (1 + tanh(u / 2)) / 2 = sigmoid(u).
template <typename T>
struct TanhGelu {
  static constexpr T c = static_cast<T>(1.59576912160573071176),
                     cubic = static_cast<T>(0.044715 * 1.59576912160573071176);

  // x s and s + x s (1 - s) u' with s = sigmoid(u); s (1 - s) = e / (1 + e)^2 and e = exp(-|u|), which does
  // not cancel
  static HWY_INLINE ValueAndSlope<T> at(Vec<T> x) {
    const Vec<T> square = hn::Mul(x, x), one = set<T>(1);
    const Vec<T> u = hn::Mul(x, hn::MulAdd(square, set<T>(cubic), set<T>(c)));
    const Vec<T> e = exp<T>(hn::Neg(hn::Abs(u)));
    const Vec<T> large = hn::Div(one, hn::Add(one, e)), small = hn::Mul(e, large);
    const Vec<T> s = hn::IfThenElse(hn::Lt(u, hn::Zero(Tag<T>())), small, large);
    const Vec<T> du = hn::MulAdd(square, set<T>(3 * cubic), set<T>(c));
    return {hn::Mul(x, s), hn::MulAdd(hn::Mul(x, hn::Mul(large, small)), du, s)};
  }
};

template <typename T, class F>
void forward_loop(T* y, const T* x, std::int64_t n) {
  for_vectors<T>(
      n, [&](std::int64_t i, auto part) HWY_ATTR { part.store(F::at(part.load(x + i)).value, y + i); });
}

template <typename T, class F>
void slope_loop(T* slope, const T* x, std::int64_t n) {
  for_vectors<T>(
      n, [&](std::int64_t i, auto part) HWY_ATTR { part.store(F::at(part.load(x + i)).slope, slope + i); });
}

template <typename T, class F>
void both_loop(T* y, T* slope, const T* x, std::int64_t n) {
  for_vectors<T>(n, [&](std::int64_t i, auto part) HWY_ATTR {
    const ValueAndSlope<T> result = F::at(part.load(x + i));
    part.store(result.value, y + i);
    part.store(result.slope, slope + i);
  });
}

template <typename T>
void gelu_forward(Gelu form, T* y, const T* x, std::int64_t n) {
  (form == Gelu::exact ? forward_loop<T, ExactGelu<T>> : forward_loop<T, TanhGelu<T>>)(y, x, n);
}

template <typename T>
void gelu_slope(Gelu form, T* slope, const T* x, std::int64_t n) {
  (form == Gelu::exact ? slope_loop<T, ExactGelu<T>> : slope_loop<T, TanhGelu<T>>)(slope, x, n);
}

template <typename T>
void gelu_and_slope(Gelu form, T* y, T* slope, const T* x, std::int64_t n) {
  (form == Gelu::exact ? both_loop<T, ExactGelu<T>> : both_loop<T, TanhGelu<T>>)(y, slope, x, n);
}

template <typename T>
constexpr GeluTable<T> gelu_table = {gelu_forward<T>, gelu_slope<T>, gelu_and_slope<T>};

const Tables<GeluTable>& gelu_tables() {
  static constexpr Tables<GeluTable> tables = {gelu_table<float>, gelu_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(gelu_tables);

namespace {
constexpr std::int64_t grain = 8192;  // elements, some 5 microseconds
}  // namespace

template <typename T>
void gelu_forward(Gelu form, T* y, const T* x, std::int64_t n) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(gelu_tables)().get<T>().forward;
  parallel_for(n, grain, [=](std::int64_t begin, std::int64_t end) {
    kernel(form, y + begin, x + begin, end - begin);
  });
}

template <typename T>
void gelu_slope(Gelu form, T* slope, const T* x, std::int64_t n) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(gelu_tables)().get<T>().slope;
  parallel_for(n, grain, [=](std::int64_t begin, std::int64_t end) {
    kernel(form, slope + begin, x + begin, end - begin);
  });
}

template <typename T>
void gelu_and_slope(Gelu form, T* y, T* slope, const T* x, std::int64_t n) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(gelu_tables)().get<T>().both;
  parallel_for(n, grain, [=](std::int64_t begin, std::int64_t end) {
    kernel(form, y + begin, slope + begin, x + begin, end - begin);
  });
}

#define LOCKSTEP_FOR(T)                                         \
  template void gelu_forward(Gelu, T*, const T*, std::int64_t); \
  template void gelu_slope(Gelu, T*, const T*, std::int64_t);   \
  template void gelu_and_slope(Gelu, T*, T*, const T*, std::int64_t);
LOCKSTEP_FOR(float)
LOCKSTEP_FOR(double)
#undef LOCKSTEP_FOR

}  // namespace lockstep::cpu
#endif
