#pragma once

#include <algorithm>

#include "core/cuda/launch.h"
#include "core/cuda/strided.h"

// Elements that a thread reads or writes at once: with one at a time, the reads on their way to a thread are
// too few for the memory's speed.
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
template <int size, typename T>
__device__ void store(T* to, const Pack<T, size>& pack) {
  *reinterpret_cast<Pack<T, size>*>(to) = pack;
}

// A pack, or one element for all of it.
template <int size, typename T>
__device__ Pack<T, size> pack_or_copies(const T* data, std::int64_t step) {
  if (step == 1) return pack_at<size>(data);
  Pack<T, size> copies;
  for (T& value : copies.values) value = *data;
  return copies;
}

// Of several tensors: what 16 bytes hold of the widest type; one of 8 bytes, whose kernels would take as long
// again to compile for half the gain.
template <typename... T>
constexpr int common_pack = std::max({sizeof(T)...}) == 8 ? 1 : 16 / std::max({sizeof(T)...});

// Whether the walk goes by packs of `size`: each lies within a line of it, and every tensor has either a pack
// at an aligned place there or one element for all of it.
template <int size, typename... T>
bool goes_by_packs(const Strided<sizeof...(T)>& walk, const T*... data) {
  const auto inner = static_cast<std::size_t>(walk.rank) - 1;
  if (walk.sizes[inner] % size != 0) return false;
  std::size_t t = 0;
  const auto is_packed = [&](std::uintptr_t address, std::size_t bytes) {
    const std::size_t tensor = t++;
    const std::int64_t step = walk.strides[inner][tensor];
    bool fits = step == 0 || (step == 1 && address % (size * bytes) == 0);
    for (std::size_t d = 0; d < inner && step == 1; ++d) fits = fits && walk.strides[d][tensor] % size == 0;
    return fits;
  };
  return (is_packed(reinterpret_cast<std::uintptr_t>(data), sizeof(T)) && ...);
}

// Calls f with a constant: common_pack, if all rows of `width` elements, one after the other in each of the
// tensors, go by such packs; else 1.
template <typename F, typename... T>
void with_pack(std::int64_t width, F&& f, const T*... rows) {
  constexpr int size = common_pack<T...>;
  const bool packed =
      width % size == 0 && ((reinterpret_cast<std::uintptr_t>(rows) % (size * sizeof(T)) == 0) && ...);
  if (packed) return f(std::integral_constant<int, size>{});
  f(std::integral_constant<int, 1>{});
}

}  // namespace lockstep::cuda
