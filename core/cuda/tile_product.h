#pragma once

#include "core/cuda/blas.h"

namespace lockstep::cuda {

// Whether `count` products of (m, k) and (k, n) have so few of the library's tiles, and each so much to sum
// over, that most of the card would stand idle: the gradients of small weights, say. It depends on the sizes
// alone, and is left to the library where that may round to TF32.
template <typename T>
bool has_few_tiles(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t of_library = 64;  // rows and columns of the library's tiles, or fewer
  return std::is_same_v<T, float> && !rounds_to_tf32<T>() && k >= 256 && k < std::int64_t{1} << 30 &&
         count * ((m + of_library - 1) / of_library) * ((n + of_library - 1) / of_library) < 32;
}

// Where the sums of a's rows go, (m), formed in f64; null: not wanted.
struct RowSums {
  float* to = nullptr;
  bool accumulate = false;
  auto fields() const { return std::tie(to, accumulate); }
};

// As gemm, but a and b not both transposed. Blocks, and groups of threads in each, share the k elements of a
// sum; what they have is added in a fixed order. Row sums: of one matrix a, transposed.
void tile_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const float>& a, const Matrices<const float>& b, const Matrices<float>& c,
                  const Addend<float>& addend, const float* bias, const RowSums& row_sums = {});

}  // namespace lockstep::cuda
