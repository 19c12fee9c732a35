#pragma once

#include "core/cuda/blas.h"

namespace lockstep::cuda {

// Whether c = a^T b, a (k, m), b (k, n), has so few of the library's tiles that most of the card would stand
// idle: the gradient of a small weight, say. It depends on the sizes alone, and is left to the library where
// that may round to TF32.
template <typename T>
bool is_tall(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t of_library = 64;  // rows and columns of the library's tiles, or fewer
  return !rounds_to_tf32<T>() && k >= 256 &&
         ((m + of_library - 1) / of_library) * ((n + of_library - 1) / of_library) < 32;
}

// Where the sums of a's rows go, (m), formed in f64; null: not wanted.
template <typename T>
struct RowSums {
  T* to = nullptr;
  bool accumulate = false;
  auto fields() const { return std::tie(to, accumulate); }
};

// c (m, n) = a^T b (+ c, if accumulate) for `count` matrices; a (k, m) and b (k, n) by rows. The warps of a
// block share the rows of k; their sums are added in a fixed order. Row sums: of one
// matrix.
template <typename T>
void tall_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<T>& c,
                  bool accumulate, const RowSums<T>& row_sums = {});

}  // namespace lockstep::cuda
