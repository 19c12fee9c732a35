#pragma once

#include <cstdint>

#include "core/cpu/simd/product.h"

namespace lockstep::cpu {

// Of a block of k: sums stay short, and c is passed over once for most layers.
inline constexpr std::int64_t product_depth = 384;

// A block of k: c = a b [+ c or bias].
template <typename T>
struct ProductBlock {
  Factor<T> a, b;
  const T* panels;  // b packed, for rows()
  T* c;
  std::int64_t leading, m, n, k;
  std::int64_t next_k;  // of the block that follows, or 0
  bool accumulate;
  const T* bias;
};

}  // namespace lockstep::cpu
