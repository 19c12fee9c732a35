#include "core/random/torch_normal.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

// PyTorch's f32 numbers come from the single-precision log and sine of the Cephes library (S. Moshier, logf.c
// and sinf.c) as evaluated by fused multiply-adds, eight at a time. Here the same operations are plain loops.
// Highway compiles them for every vector width; where a processor has no fused multiply-add the C library's
// exact one takes its place, so the bits are the same everywhere. Only std::fma may fuse (-ffp-contract=off).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/random/torch_normal.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lockstep::HWY_NAMESPACE {

// log(x), 0 < x <= 1 normal: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = f - f^2 / 2 +
// f^3 P(f).
inline float cephes_log(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const float half_to_one = std::bit_cast<float>((bits & 0x007FFFFFu) | 0x3F000000u);
  const bool small = half_to_one < 0.707106781186547524f;
  const float e = static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 0x7F) + (small ? 0.0f : 1.0f);
  const float f = (half_to_one - 1.0f) + (small ? half_to_one : 0.0f);
  const float z = f * f;
  float p = 7.0376836292E-2f;
  p = std::fma(p, f, -1.1514610310E-1f);
  p = std::fma(p, f, 1.1676998740E-1f);
  p = std::fma(p, f, -1.2420140846E-1f);
  p = std::fma(p, f, 1.4249322787E-1f);
  p = std::fma(p, f, -1.6668057665E-1f);
  p = std::fma(p, f, 2.0000714765E-1f);
  p = std::fma(p, f, -2.4999993993E-1f);
  p = std::fma(p, f, 3.3333331174E-1f);
  // log 2 = 0.693359375 - 2.12194440e-4: the first product is exact
  const float y = std::fma(-z, 0.5f, std::fma(p * f, z, e * -2.12194440e-4f));
  return std::fma(e, 0.693359375f, f + y);
}

struct Direction {
  float cosine, sine;
};

// cos and sin of x >= 0: the even octant j / 4 * pi nearest to x taken off in three parts, then a polynomial
// for each.
inline Direction cephes_direction(float x) {
  const std::int32_t j = (static_cast<std::int32_t>(x * 1.27323954473516f) + 1) & ~1;
  const float y = static_cast<float>(j);
  x = std::fma(y, -0.78515625f, x);
  x = std::fma(y, -2.4187564849853515625e-4f, x);
  x = std::fma(y, -3.77489497744594108e-8f, x);
  const float z = x * x;
  float c = std::fma(2.443315711809948E-005f, z, -1.388731625493765E-003f);
  c = std::fma(c, z, 4.166664568298827E-002f);
  c = std::fma(c * z, z, z * -0.5f) + 1.0f;
  float s = std::fma(-1.9515295891E-4f, z, 8.3321608736E-3f);
  s = std::fma(s, z, -1.6666654611E-1f);
  s = std::fma(s * z, x, x);
  const bool swapped = (j & 2) != 0;
  const auto negate_if_4 = [](float value, std::int32_t flag) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^
                                ((static_cast<std::uint32_t>(flag) & 4u) << 29));
  };
  return {negate_if_4(swapped ? s : c, j + 2), negate_if_4(swapped ? c : s, j)};
}

void normal_block(float* block, float mean, float std) {
  for (int i = 0; i < 8; ++i) {
    const float radius = std::sqrt(-2.0f * cephes_log(1.0f - block[i]));
    const Direction d = cephes_direction(block[i + 8] * (2.0f * std::numbers::pi_v<float>));
    block[i] = std::fma(radius * d.cosine, std, mean);
    block[i + 8] = std::fma(radius * d.sine, std, mean);
  }
}

void normal_blocks(std::span<float> blocks, float mean, float std) {
  for (std::size_t i = 0; i < blocks.size(); i += 16) normal_block(&blocks[i], mean, std);
}

}  // namespace lockstep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep {

HWY_EXPORT(normal_blocks);

void torch_normal_blocks(std::span<float> blocks, float mean, float std) {
  HWY_DYNAMIC_DISPATCH(normal_blocks)(blocks, mean, std);
}

void torch_normal_blocks(std::span<double> blocks, double mean, double std) {
  for (std::size_t block = 0; block < blocks.size(); block += 16) {
    for (std::size_t i = block; i < block + 8; ++i) {
      const double radius = std::sqrt(-2 * std::log(1 - blocks[i])),
                   angle = 2 * std::numbers::pi * blocks[i + 8];
      blocks[i] = std::fma(radius * std::cos(angle), std, mean);
      blocks[i + 8] = std::fma(radius * std::sin(angle), std, mean);
    }
  }
}

}  // namespace lockstep
#endif
