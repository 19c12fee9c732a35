#pragma once

#include <algorithm>

#include "core/cuda/blas.h"

namespace lockstep::cuda {

// Tiles of (64, 64) that a result has.
constexpr std::int64_t tiles_of(std::int64_t m, std::int64_t n) { return (m + 63) / 64 * ((n + 63) / 64); }

// Whether `count` products of (m, k) and (k, n) go by tile_product and not by the library: where the result
// has few tiles with much to sum over, as the gradients of small weights, and in f32 all but large ones. It
// depends on the sizes alone.
template <typename T>
bool suits_tile_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k) {
  // The sizes of a launch.
  if (!std::is_same_v<T, float> || k >= std::int64_t{1} << 30 || n > 1 << 20 || count > 65535) return false;
  if (k >= 256 && count * tiles_of(m, n) < 32) return true;
  const double multiplications =
      static_cast<double>(count) * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  return !rounds_to_tf32<T>() && std::min({m, n, k}) >= 8 && multiplications <= std::int64_t{1} << 28;
}

// Where the sums of a's rows go, (m), formed in f64; null: not wanted.
struct RowSums {
  float* to = nullptr;
  bool accumulate = false;
  auto fields() const { return std::tie(to, accumulate); }
};

// What becomes of a product before it is stored.
struct Finish {
  Addend<float> addend;          // y = factor times it + share times another
  const float* bias = nullptr;   // (n), which every row gets besides
  const float* times = nullptr;  // then, of a row-major b: y times this, which is laid out as the result
  float* slope = nullptr;  // then, of a transposed b: gelu(y); and gelu'(y) here, laid out as the result
  auto fields() const { return std::tie(addend, bias, times, slope); }
};

// As gemm, but a and b not both transposed. Blocks, and groups of warps in each, share the k elements of a
// sum; what they have is added in a fixed order. Tensor cores multiply: each factor is the sum of three in
// bf16, x = x0 + x1 + x2, each below 2^-8 of the one before, and a b is a0 b0 + (a0 b1 + a1 b0) + (a0 b2 +
// a1 b1 + a2 b0). What is left out is some 2^-24 of a b at most, f32's own rounding; 16 neighbours in k are
// added there, sums of those in f32. An infinite factor gives NaN. Where rounding to TF32 is allowed: two
// parts, three products. Row sums: of one matrix a, transposed.
// (G. Henry, P. Tang, A. Heinecke, Leveraging the bfloat16 artificial intelligence datatype for
// higher-precision computations, 2019.)
void tile_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const float>& a, const Matrices<const float>& b, const Matrices<float>& c,
                  const Finish& finish, const RowSums& row_sums = {});

}  // namespace lockstep::cuda
