#pragma once

#include <bit>

#include "core/cuda/attention_tile.h"

// What the attention kernels of short heads in f32 share: of up to 64 queries and keys, no wider than 32. A
// block has 64 rows, of as many heads as there is room for: `share` neighbouring threads have the query i,
// and the key i, of a head in registers, and read those of the other side from shared memory, each some of
// them.
namespace lockstep::cuda {

constexpr int short_rows = 64;  // of a block
// Blocks that should fit a multiprocessor at once.
template <int D, int share>
constexpr int short_blocks = (D == 16 ? 8 : 6) / share;

template <typename T, int D>
constexpr bool has_short_kernel = sizeof(T) == 4 && D <= 32;
inline bool is_short(std::int64_t queries, std::int64_t keys) {
  return std::max(queries, keys) <= short_rows;
}

struct ShortHeads {
  std::int64_t count;
  int rows;  // of each: as the longer of both sides, a power of two
  auto fields() const { return std::tie(count, rows); }

  ShortHeads(std::int64_t heads, std::int64_t queries, std::int64_t keys)
      : count(heads),
        rows(static_cast<int>(std::bit_ceil(
            static_cast<unsigned>(std::max({queries, keys, std::int64_t{pack_size<float>}}))))) {}
  unsigned blocks() const { return blocks_of(count, short_rows / rows); }
};

// Calls f with the threads to a row, a constant: more where a head is long.
template <typename F>
void with_share(const ShortHeads& heads, F&& f) {
  if (heads.rows <= 32) return f(std::integral_constant<int, 1>{});
  f(std::integral_constant<int, 2>{});
}

// What a thread has of the heads.
template <int share>
struct ShortRow {
  std::int64_t head;  // threads without one have the first one's data, and store nothing
  bool exists;
  int in_block, row, first;  // the row, in its block and in its head; the head's first in the block
  int part;                  // which of its threads this is
  int first_of_warp;         // the row of the warp's first thread

  __device__ explicit ShortRow(const ShortHeads& heads)
      : in_block(static_cast<int>(threadIdx.x) / share),
        row(in_block % heads.rows),
        first(in_block - row),
        part(static_cast<int>(threadIdx.x) % share),
        first_of_warp(row & ~(32 / share - 1)) {
    const std::int64_t number =
        static_cast<std::int64_t>(blockIdx.x) * (short_rows / heads.rows) + in_block / heads.rows;
    exists = number < heads.count;
    head = exists ? number : 0;
  }
};

// How many keys the query sees, masked ones among them.
template <typename T>
__device__ int keys_seen(const AttentionShape<T>& shape, int query) {
  return query < shape.queries ? static_cast<int>(std::max<std::int64_t>(shape.keys_of(query + 1), 0)) : 0;
}

// A row of a head; zeros beyond its ends.
template <int D>
__device__ void load_row(float (&to)[D], const HeadView<const float>& from, int row, std::int64_t rows,
                         int width) {
  for (int c = 0; c < D; c += pack_size<float>) {
    const Pack<float> pack = pack_of_row(from, row, rows, c, width);
    for (int v = 0; v < pack_size<float>; ++v) to[c + v] = pack.values[v];
  }
}

// Puts a row into its place in shared memory.
template <int D>
__device__ void put_row(float* to, const float (&row)[D]) {
  for (int c = 0; c < D; c += pack_size<float>) {
    Pack<float> pack;
    for (int v = 0; v < pack_size<float>; ++v) pack.values[v] = row[c + v];
    store(to + c, pack);
  }
}

// Of the sum of what a row's threads have, this one's features: all of them, or a half. For all threads of a
// warp.
template <int share, int D>
__device__ void own_features(float (&own)[D / share], const float (&row)[D], int part) {
  for (int c = 0; c < D / share; ++c) {
    own[c] = row[c];
    if constexpr (share == 2) {
      const float low = row[c], high = row[D / 2 + c];
      own[c] = (part == 0 ? low : high) + __shfl_xor_sync(~0u, part == 0 ? high : low, 1);
    }
  }
}
template <int features>
__device__ void store_features(const HeadView<float>& to, const float (&own)[features], int row, int part,
                               int width) {
  for (int c = 0; c < features; c += pack_size<float>) {
    Pack<float> pack;
    for (int v = 0; v < pack_size<float>; ++v) pack.values[v] = own[c + v];
    store_in_row(to, row, part * features + c, width, pack);
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
