#pragma once

#include "core/cuda/blas.h"

namespace lockstep::cuda {

// Whether c = a^T b, a (k, m), b (k, n), is so tall that the library, which gives every tile of c to one
// block and splits no sum, would leave the card idle: the gradient of a weight, say. It depends on the sizes
// alone.
bool is_tall(std::int64_t m, std::int64_t n, std::int64_t k);

// c (m, n) = a^T b (+ c, if accumulate) for `count` matrices; a (k, m) and b (k, n) by rows. A block has 16
// warps, each of which sums every 16th row of k; their sums are added in a fixed order.
template <typename T>
void tall_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<T>& c,
                  bool accumulate);

}  // namespace lockstep::cuda
