#pragma once

#include "core/cuda/launch.h"

// Elements that a thread reads or writes at once.
namespace lockstep::cuda {

// As many as 16 bytes hold, the most.
template <typename T>
constexpr int pack_size = 16 / sizeof(T);

template <typename T, int size = pack_size<T>>
struct alignas(size * sizeof(T)) Pack {
  T values[size];
};

// `data` must be aligned for them.
template <int size, typename T>
__device__ Pack<T, size> pack_at(const T* data) {
  return *reinterpret_cast<const Pack<T, size>*>(data);
}
template <typename T>
__device__ Pack<T> pack_at(const T* data) {
  return pack_at<pack_size<T>>(data);
}

}  // namespace lockstep::cuda
