#pragma once

#include <cstdint>

namespace lockstep::cpu {

// A matrix as a product reads it: one of the strides is 1.
template <typename T>
struct Factor {
  const T* data;
  std::int64_t row_stride, column_stride;

  // From row i and column j on.
  Factor at(std::int64_t i, std::int64_t j) const {
    return {data + i * row_stride + j * column_stride, row_stride, column_stride};
  }
};

// Whether product() is there on this processor: with AVX2 or AVX-512.
bool has_product();

// c = a b (+ c if accumulate) (+ bias (n) in every row, where not null): a (m, k), b (k, n), c (m, n) with
// rows `leading` apart; k > 0. A sum over k is formed in blocks of 384, each before c or bias is added. The
// bits depend neither on the number of threads nor on the vectors' width.
template <typename T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, Factor<T> a, Factor<T> b, bool accumulate, T* c,
             std::int64_t leading, const T* bias);

}  // namespace lockstep::cpu
