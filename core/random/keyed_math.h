#pragma once

#include <bit>
#include <cstdint>
#include <numbers>

#include "core/random/philox.h"

// From random bits to numbers, by formulas that give the same bits wherever they run: integer operations and
// IEEE double +, -, *, / only, in a fixed order, and no library function (log and cos differ between C
// libraries and CUDA). They must not be contracted to fused multiply-adds: compile what includes this with
// -ffp-contract=off (nvcc: -fmad=false). constexpr, so that a CUDA kernel may call them too (nvcc
// --expt-relaxed-constexpr).
namespace lockstep::keyed {

// Which block of a stream: Philox's counter is (block number, seed), its key the stream's.
constexpr PhiloxBlock block(std::uint64_t seed, std::uint64_t key, std::uint64_t number) {
  return philox4x32({static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32),
                     static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
                    {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
}

// A block's two 64-bit numbers: those of the indices 2 block and 2 block + 1.
constexpr std::uint64_t even_bits(const PhiloxBlock& b) { return b[0] | std::uint64_t{b[1]} << 32; }
constexpr std::uint64_t odd_bits(const PhiloxBlock& b) { return b[2] | std::uint64_t{b[3]} << 32; }

// Uniform in the open interval (0, 1): the middle of one of 2^52 equal cells, (2 k + 1) 2^-53 with k the top
// 52 bits.
constexpr double unit_uniform(std::uint64_t bits) {
  const double one_to_two = std::bit_cast<double>((bits >> 12) | 0x3FF0000000000000u);
  return one_to_two - (1.0 - 0x1p-53);  // exact
}

// An integer in [0, n): the high half of bits * n (Lemire 2019). A value's probability is off by less than
// 2^-64.
constexpr std::uint64_t below(std::uint64_t bits, std::uint64_t n) {
  const std::uint64_t bits_low = bits & 0xFFFFFFFFu, bits_high = bits >> 32;
  const std::uint64_t n_low = n & 0xFFFFFFFFu, n_high = n >> 32;
  const std::uint64_t middle = bits_high * n_low + (bits_low * n_low >> 32);
  const std::uint64_t middle_low = (middle & 0xFFFFFFFFu) + bits_low * n_high;
  return bits_high * n_high + (middle >> 32) + (middle_low >> 32);
}

// log(x) for normal x > 0, to about one unit in the last place.
// x = 2^k m, sqrt(1/2) <= m < sqrt(2);  s = (m - 1) / (m + 1);  log x = k log 2 + 2 (s + s^3/3 + ... +
// s^21/21).
constexpr double log(double x) {
  constexpr std::uint64_t sqrt_half = 0x3FE6A09E667F3BCDu;
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(x) + (0x3FF0000000000000u - sqrt_half);
  const double m = std::bit_cast<double>((shifted & 0x000FFFFFFFFFFFFFu) + sqrt_half);
  // An integer below 2^52 as the mantissa of 2^52 + integer: a conversion that every vector unit has.
  const double k = std::bit_cast<double>((shifted >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
  const double s = (m - 1) / (m + 1), z = s * s;
  double series = 2.0 / 21;
  for (int n = 19; n >= 3; n -= 2) series = series * z + 2.0 / n;
  constexpr double log2_high = 0x1.62e42fee00000p-1,
                   log2_low = 0x1.a39ef35793c76p-33;  // k * log2_high is exact
  return k * log2_high + (2 * s + (s * z * series + k * log2_low));
}

struct Direction {
  double cosine, sine;
};

// cos and sin of 2 pi turn, 0 <= turn <= 1: Taylor series on the eighth of a turn around the nearest quarter.
constexpr Direction direction(double turn) {
  constexpr double round_to_integer = 0x1.8p52;
  const double shifted = 4 * turn + round_to_integer;
  const std::uint64_t quarter = std::bit_cast<std::uint64_t>(shifted);  // its lowest two bits count
  const double x = (4 * turn - (shifted - round_to_integer)) * (std::numbers::pi / 2), z = x * x;
  // sin x = x - x^3/3! + ... + x^17/17!,  cos x = 1 - x^2/2! + ... + x^16/16!
  double s = 1.0 / 355687428096000, c = 1.0 / 20922789888000;
  s = s * z - 1.0 / 1307674368000, c = c * z - 1.0 / 87178291200;
  s = s * z + 1.0 / 6227020800, c = c * z + 1.0 / 479001600;
  s = s * z - 1.0 / 39916800, c = c * z - 1.0 / 3628800;
  s = s * z + 1.0 / 362880, c = c * z + 1.0 / 40320;
  s = s * z - 1.0 / 5040, c = c * z - 1.0 / 720;
  s = s * z + 1.0 / 120, c = c * z + 1.0 / 24;
  s = s * z - 1.0 / 6, c = c * z - 1.0 / 2;
  s = x + x * (s * z), c = 1 + c * z;
  const bool swapped = quarter & 1;
  const auto negate_if_2 = [](double value, std::uint64_t flag) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) ^ ((flag & 2) << 62));
  };
  return {negate_if_2(swapped ? s : c, quarter + 1), negate_if_2(swapped ? c : s, quarter)};
}

// Box and Muller (1958): a block's two uniform numbers u, v give the two normal ones
// sqrt(radius_squared(u)) * direction(v).cosine (even index) and ... .sine (odd index).
constexpr double radius_squared(double u) { return -2 * log(u); }

}  // namespace lockstep::keyed
