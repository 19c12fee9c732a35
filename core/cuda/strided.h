#pragma once

#include "core/cuda/launch.h"
#include "core/strided.h"

namespace lockstep::cuda {

// Where element number i of the walk, counted in C order, stands in each of the N tensors. Indices below 2^32
// take 32-bit divisions, which are several times as fast.
template <std::size_t N>
__device__ typename Strided<N>::Strides offsets(const Strided<N>& walk, std::int64_t i) {
  typename Strided<N>::Strides at = walk.start;
  const auto along = [&](int d, std::int64_t index) {
    for (std::size_t t = 0; t < N; ++t) at[t] += index * walk.strides[static_cast<std::size_t>(d)][t];
  };
  if (i <= UINT32_MAX) {
    auto left = static_cast<std::uint32_t>(i);
    for (int d = walk.rank - 1; d > 0; --d) {
      const auto size = static_cast<std::uint32_t>(walk.sizes[static_cast<std::size_t>(d)]);
      along(d, left % size);
      left /= size;
    }
    along(0, left);
  } else {
    for (int d = walk.rank - 1; d > 0; --d) {
      const std::int64_t size = walk.sizes[static_cast<std::size_t>(d)];
      along(d, i % size);
      i /= size;
    }
    along(0, i);
  }
  return at;
}

}  // namespace lockstep::cuda
