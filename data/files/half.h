#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace lockstep::data {

// The value of a half (IEEE 754 binary16): 1 sign, 5 exponent (bias 15), 10 fraction bits. Every half is a
// float, exactly; a NaN keeps its payload.
inline float half_to_float(uint16_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u, fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

// The value of a bfloat16: the upper half of a float.
inline float bfloat16_to_float(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// The nearest number with `fraction_bits` after the leading one and exponents from `least_exponent` on, ties
// to even; x of the type's range.
inline double round_to_bits(double x, int fraction_bits, int least_exponent) {
  if (x == 0 || !std::isfinite(x)) return x;
  const double unit = std::ldexp(1.0, std::max(std::ilogb(x), least_exponent) - fraction_bits);
  return std::nearbyint(x / unit) * unit;
}

// The nearest bfloat16, ties to even; beyond the largest one infinity.
inline uint16_t to_bfloat16(double x) {
  if (std::isnan(x)) return 0x7fc0;
  const auto rounded = static_cast<float>(round_to_bits(x, 7, -126));
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(rounded) >> 16);
}

// The nearest half, ties to even; beyond the largest one infinity.
inline uint16_t to_half(double x) {
  const auto sign = static_cast<uint16_t>(std::signbit(x) ? 0x8000 : 0);
  if (std::isnan(x)) return 0x7e00;
  const double magnitude = std::fabs(round_to_bits(x, 10, -14));
  if (magnitude > 65504) return sign | 0x7c00;
  if (magnitude < 0x1p-14) return sign | static_cast<uint16_t>(magnitude * 0x1p24);
  const uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(magnitude));
  return sign | static_cast<uint16_t>((bits >> 13) - ((127 - 15) << 10));
}

}  // namespace lockstep::data
