#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/host_device.h"

// The scalar formulas of the elementwise ops, written once for every backend. A new one is an entry in the
// enumeration and a line below it; a and b are the op's constants.
namespace lockstep {

enum class UnaryOp : std::uint8_t {
  neg,
  abs,
  exp,
  log,
  sqrt,
  rsqrt,
  square,
  reciprocal,
  sin,
  cos,
  tanh,
  sigmoid,
  softplus,
  erf,
  relu,
  step,
  sign,
  add_constant,
  mul_constant,
  pow_constant,
  clamp,
  inside,
  silu,
  leaky_relu,
  gelu,
  gelu_slope,
  gelu_tanh,
  gelu_tanh_slope,
  expm1,
  log1p,
  elu,
  elu_slope,
  bfloat16,
  count
};

enum class BinaryOp : std::uint8_t { add, sub, mul, div, maximum, minimum, same, share, count };

// Comparisons give 1 or 0 and take every element type.
enum class CompareOp : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, count };

// x Phi(x), or its approximation by tanh.
enum class Gelu : std::uint8_t { exact, tanh };

inline constexpr double half_sqrt2 = std::numbers::sqrt2 / 2;
inline constexpr double inv_sqrt_2pi = std::numbers::inv_sqrtpi * half_sqrt2;
// The approximation of GELU by tanh (Hendrycks and Gimpel, arXiv:1606.08415): sqrt(2 / pi) and 0.044715.
inline constexpr double gelu_scale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
inline constexpr double gelu_cubic = 0.044715;

template <UnaryOp op, typename T>
LOCKSTEP_HD T formula(T x, [[maybe_unused]] T a, [[maybe_unused]] T b) {
  using enum UnaryOp;
  if constexpr (op == neg) return -x;
  if constexpr (op == abs) return std::abs(x);
  if constexpr (op == exp) return std::exp(x);
  if constexpr (op == log) return std::log(x);
  if constexpr (op == sqrt) return std::sqrt(x);
  if constexpr (op == rsqrt) return T(1) / std::sqrt(x);
  if constexpr (op == square) return x * x;
  if constexpr (op == reciprocal) return T(1) / x;
  if constexpr (op == sin) return std::sin(x);
  if constexpr (op == cos) return std::cos(x);
  if constexpr (op == tanh) return std::tanh(x);
  if constexpr (op == sigmoid) return T(1) / (T(1) + std::exp(-x));
  if constexpr (op == softplus) return std::log1p(std::exp(-std::abs(x))) + (x > T(0) ? x : T(0));
  if constexpr (op == erf) return std::erf(x);
  if constexpr (op == relu) return x > T(0) ? x : (x == x ? T(0) : x);  // NaN stays NaN
  if constexpr (op == step) return x <= T(0) ? T(0) : T(1);             // 1 for NaN, which relu passes on
  if constexpr (op == sign) return static_cast<T>((x > T(0)) - (x < T(0)));
  if constexpr (op == add_constant) return x + a;
  if constexpr (op == mul_constant) return x * a;
  if constexpr (op == pow_constant) return std::pow(x, a);
  if constexpr (op == clamp) {  // b where a > b
    const T raised = x < a ? a : x;
    return raised > b ? b : raised;
  }
  if constexpr (op == inside) return x > a && x < b ? T(1) : T(0);
  if constexpr (op == silu) return x / (T(1) + std::exp(-x));
  if constexpr (op == leaky_relu) return x > T(0) ? x : a * x;
  // Phi(x) = erfc(-x / sqrt(2)) / 2, phi(x) = exp(-x^2 / 2) / sqrt(2 pi)
  if constexpr (op == gelu) return x * (T(0.5) * std::erfc(-x * T(half_sqrt2)));
  if constexpr (op == gelu_slope)
    return T(0.5) * std::erfc(-x * T(half_sqrt2)) + x * (T(inv_sqrt_2pi) * std::exp(T(-0.5) * x * x));
  // u = sqrt(2 / pi) (x + 0.044715 x^3), y = x (1 + tanh u) / 2
  if constexpr (op == gelu_tanh)
    return T(0.5) * x * (T(1) + std::tanh(T(gelu_scale) * (x + T(gelu_cubic) * x * x * x)));
  if constexpr (op == gelu_tanh_slope) {
    const T t = std::tanh(T(gelu_scale) * (x + T(gelu_cubic) * x * x * x));
    const T du = T(gelu_scale) * (T(1) + T(3 * gelu_cubic) * x * x);
    return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * du;
  }
  if constexpr (op == expm1) return std::expm1(x);
  if constexpr (op == log1p) return std::log1p(x);
  // x where x > 0, else a (exp(b x) - 1), and its slope, a b at 0.
  if constexpr (op == elu) return x > T(0) ? x : a * std::expm1(b * x);
  if constexpr (op == elu_slope) return x > T(0) ? T(1) : a * b * std::exp(b * x);
  if constexpr (op == bfloat16) {  // the nearest number with 8 bits of mantissa, ties to even
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
    return x == x ? T(std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000U)) : x;
  }
}

template <BinaryOp op, typename T>
LOCKSTEP_HD T formula(T x, T y) {
  using enum BinaryOp;
  if constexpr (op == add) return x + y;
  if constexpr (op == sub) return x - y;
  if constexpr (op == mul) return x * y;
  if constexpr (op == div) return x / y;
  if constexpr (op == maximum) return x > y || x != x ? x : y;
  if constexpr (op == minimum) return x < y || x != x ? x : y;
  if constexpr (op == same) return x == y || (x != x && y != y) ? T(1) : T(0);  // NaN is NaN
  // d max(x, y) / dx: 1/2 between equals; NaN lets both pass.
  if constexpr (op == share) return x < y ? T(0) : (x == y ? T(0.5) : T(1));
}

template <CompareOp op, typename T>
LOCKSTEP_HD bool formula(T x, T y) {
  using enum CompareOp;
  if constexpr (op == equal) return x == y;
  if constexpr (op == not_equal) return x != y;
  if constexpr (op == less) return x < y;
  if constexpr (op == less_equal) return x <= y;
  if constexpr (op == greater) return x > y;
  if constexpr (op == greater_equal) return x >= y;
}

}  // namespace lockstep
