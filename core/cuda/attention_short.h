#pragma once

#include <bit>

#include "core/cuda/attention_tile.h"

// What the attention kernels of short heads in f32 share: of up to 32 queries and keys, no wider than 32. A
// head has as many neighbouring lanes of a warp as the longer of both, a power of two: lane i has the query
// i, or the key i, in its registers, and reads those of the other side from shared memory, where each lane
// has a row.
namespace lockstep::cuda {

constexpr std::int64_t longest_short_head = 32;
constexpr int short_threads = 64;
// Blocks that should fit a multiprocessor at once.
template <int D>
constexpr int short_blocks = D == 16 ? 8 : 6;

template <typename T, int D>
constexpr bool has_short_kernel = sizeof(T) == 4 && D <= 32;
inline bool is_short(std::int64_t queries, std::int64_t keys) {
  return std::max(queries, keys) <= longest_short_head;
}

struct ShortHeads {
  std::int64_t count;
  int lanes;  // of each
  auto fields() const { return std::tie(count, lanes); }

  ShortHeads(std::int64_t heads, std::int64_t queries, std::int64_t keys)
      : count(heads),
        lanes(
            std::bit_ceil(static_cast<unsigned>(std::max({queries, keys, std::int64_t{pack_size<float>}})))) {
  }
  unsigned blocks() const { return blocks_of(count, short_threads / lanes); }
  // Of this thread; lanes without a head have the first one's data, and store nothing.
  __device__ std::int64_t head() const {
    return static_cast<std::int64_t>(blockIdx.x) * (short_threads / lanes) +
           static_cast<int>(threadIdx.x) / lanes;
  }
  __device__ int lane() const { return static_cast<int>(threadIdx.x) % lanes; }
  __device__ int first_lane() const { return static_cast<int>(threadIdx.x) - lane(); }  // of its head
};

// A row of a head; zeros beyond its ends.
template <int D>
__device__ void load_row(float (&to)[D], const HeadView<const float>& from, int row, std::int64_t rows,
                         int width) {
  const float* const source = from.data + row * from.row_step;
  for (int c = 0; c < D; c += pack_size<float>) {
    Pack<float> pack = {};
    if (row < rows && c < width) {
      if (from.is_packed) {
        pack = pack_at(source + c);
      } else {
        for (int v = 0; v < pack_size<float>; ++v) pack.values[v] = c + v < width ? source[c + v] : 0.0f;
      }
    }
    for (int v = 0; v < pack_size<float>; ++v) to[c + v] = pack.values[v];
  }
}

template <int D>
__device__ void store_row(const HeadView<float>& to, const float (&row_values)[D], int row, int width) {
  float* const target = to.data + row * to.row_step;
  for (int c = 0; c < D; c += pack_size<float>) {
    if (to.is_packed && c < width) {
      Pack<float> pack;
      for (int v = 0; v < pack_size<float>; ++v) pack.values[v] = row_values[c + v];
      store(target + c, pack);
    } else {
      for (int v = 0; v < pack_size<float> && c + v < width; ++v) target[c + v] = row_values[c + v];
    }
  }
}

// Puts this lane's row into its place.
template <int D>
__device__ void put_row(float* shared, const float (&row_values)[D]) {
  for (int c = 0; c < D; c += pack_size<float>) {
    Pack<float> pack;
    for (int v = 0; v < pack_size<float>; ++v) pack.values[v] = row_values[c + v];
    store(shared + threadIdx.x * row_of<D, float> + c, pack);
  }
}

template <int D>
__device__ float dot(const float (&a)[D], const float* b) {
  float sums[pack_size<float>] = {};  // so that one multiplication need not wait for the last
  for (int c = 0; c < D; c += pack_size<float>) {
    const Pack<float> pack = pack_at(b + c);
    for (int v = 0; v < pack_size<float>; ++v) sums[v] += a[c + v] * pack.values[v];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// to += factor b
template <int D>
__device__ void add_times(float (&to)[D], float factor, const float* b) {
  for (int c = 0; c < D; c += pack_size<float>) {
    const Pack<float> pack = pack_at(b + c);
    for (int v = 0; v < pack_size<float>; ++v) to[c + v] += factor * pack.values[v];
  }
}

}  // namespace lockstep::cuda
