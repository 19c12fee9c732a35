#pragma once

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/pack.h"
#include "core/cuda/strided.h"
#include "core/kernels.h"

// What the attention kernels share. A block's 256 threads stand 16 x 16, (tx, ty); it works on tiles of R *
// 16 queries and as many keys in shared memory. Thread (tx, ty) has the R rows R ty + i of a tile and every
// 16th of its columns, one by one (tx + 16 j) where the columns are keys, in groups where they are features.
// Shared memory is read 16 bytes at once, from rows padded by 16 bytes, so that such reads meet no bank
// conflicts.
namespace lockstep::cuda {

constexpr int attention_threads = 256;

template <typename T>
struct HeadView {  // (rows, width) of one head
  T* data;
  std::int64_t row_step;  // the last stride is 1
  bool is_packed;         // whether every row of every head begins at a multiple of 16 bytes
  auto fields() const { return std::tie(data, row_step, is_packed); }
};
template <typename T>
HeadView<T> head_view(const Tensor& x) {
  constexpr int size = pack_size<std::remove_const_t<T>>;
  T* const data = on_device<std::remove_const_t<T>>(x);
  bool is_packed = reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && x.size(-1) % size == 0;
  for (int i = 0; i < x.rank() - 1; ++i) is_packed = is_packed && x.strides()[i] % size == 0;
  return {data, x.strides()[x.rank() - 2], is_packed};
}

// One call for all heads: `lead` walks over the leading dimensions of the kernel's tensors.
template <typename T>
struct AttentionShape {
  std::int64_t queries, keys;
  int width, value_width;  // of q and k; of v and y
  T scale;
  bool causal;
  std::int64_t causal_offset;
  auto fields() const { return std::tie(queries, keys, width, value_width, scale, causal, causal_offset); }

  // The keys before this one are all that queries before `query` see.
  __device__ std::int64_t keys_of(std::int64_t query) const {
    return causal && query + causal_offset < keys ? query + causal_offset : keys;
  }
};

// Which keys take part; null: all.
struct KeyMask {
  const std::uint8_t* data;
  std::int64_t step;
  __device__ bool has(std::int64_t key) const { return data == nullptr || data[key * step] != 0; }
};

// Elements from one row of a tile of D columns, or of a square tile, to the next.
template <int D, typename T>
constexpr int row_of = D + pack_size<T>;

// The features of a row from `column` on, of `width`; zeros beyond its end and the last of `rows`.
template <typename T>
__device__ Pack<T> pack_of_row(const HeadView<const T>& from, std::int64_t row, std::int64_t rows, int column,
                               int width) {
  const T* const source = from.data + row * from.row_step + column;
  Pack<T> pack = {};
  if (row >= rows || column >= width) return pack;
  if (from.is_packed) return pack_at(source);
  for (int v = 0; v < pack_size<T>; ++v) pack.values[v] = column + v < width ? source[v] : T(0);
  return pack;
}
template <int size, typename T>
__device__ void store_in_row(const HeadView<T>& to, std::int64_t row, int column, int width,
                             const Pack<T, size>& pack) {
  T* const target = to.data + row * to.row_step + column;
  if (to.is_packed && column < width) return store(target, pack);
  for (int v = 0; v < size && column + v < width; ++v) target[v] = pack.values[v];
}

// Rows first ... of a head into a tile (rows, row_of<D, T>), zeros beyond its ends.
template <int D, int rows, typename T>
__device__ void load_tile(T* tile, const HeadView<const T>& from, std::int64_t first, std::int64_t count,
                          int width, T factor = 1) {
  constexpr int size = pack_size<T>, packs = D / size;
  for (int i = static_cast<int>(threadIdx.x); i < rows * packs; i += attention_threads) {
    const int row = i / packs, column = i % packs * size;
    Pack<T> pack = pack_of_row(from, first + row, count, column, width);
    for (int v = 0; v < size; ++v) pack.values[v] *= factor;
    store(tile + row * row_of<D, T> + column, pack);
  }
}

// out[i][j] = row R ty + i of a times row tx + 16 j of b
template <int D, int R, typename T>
__device__ void rows_times_rows(T (&out)[R][R], const T* a, const T* b) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < R; ++j) out[i][j] = 0;
#pragma unroll 1  // more would need more registers than there are
  for (int d = 0; d < D; d += pack_size<T>) {
    Pack<T> left[R], right[R];
    for (int i = 0; i < R; ++i) {
      left[i] = pack_at(a + (R * ty + i) * row_of<D, T> + d);
      right[i] = pack_at(b + (tx + 16 * i) * row_of<D, T> + d);
    }
    for (int v = 0; v < pack_size<T>; ++v)
      for (int i = 0; i < R; ++i)
        for (int j = 0; j < R; ++j) out[i][j] += left[i].values[v] * right[j].values[v];
  }
}

// A thread's D / 16 features, in groups that are read at once.
template <int D, typename T>
constexpr int group_size = D / 16 < pack_size<T> ? D / 16 : pack_size<T>;
template <int D, typename T>
__device__ int feature(int c) {
  constexpr int size = group_size<D, T>;
  return size * (static_cast<int>(threadIdx.x) % 16 + 16 * (c / size)) + c % size;
}

// out[i][c] += left[i] b[feature c], b a row of D features
template <int D, int R, typename T>
__device__ void add_row(T (&out)[R][D / 16], const T (&left)[R], const T* b) {
  constexpr int size = group_size<D, T>;
  for (int c = 0; c < D / 16; c += size) {
    const Pack<T, size> right = pack_at<size>(b + feature<D, T>(c));
    for (int v = 0; v < size; ++v)
      for (int i = 0; i < R; ++i) out[i][c + v] += left[i] * right.values[v];
  }
}

// out[i][c] += sum over k of p[row R ty + i, k] b[k, feature c]; p a square tile.
template <int D, int R, typename T>
__device__ void add_product(T (&out)[R][D / 16], const T* p, const T* b) {
  constexpr int tile = 16 * R;
  const int ty = static_cast<int>(threadIdx.x) / 16;
#pragma unroll 1
  for (int k = 0; k < tile; k += pack_size<T>) {
    Pack<T> packs[R];
    for (int i = 0; i < R; ++i) packs[i] = pack_at(p + (R * ty + i) * row_of<tile, T> + k);
    for (int v = 0; v < pack_size<T>; ++v) {
      T left[R];
      for (int i = 0; i < R; ++i) left[i] = packs[i].values[v];
      add_row<D>(out, left, b + (k + v) * row_of<D, T>);
    }
  }
}

// The same with p transposed: out[i][c] += sum over k of p[k, R ty + i] b[k, feature c].
template <int D, int R, typename T>
__device__ void add_transposed_product(T (&out)[R][D / 16], const T* p, const T* b) {
  constexpr int tile = 16 * R;
  const int ty = static_cast<int>(threadIdx.x) / 16;
#pragma unroll 4
  for (int k = 0; k < tile; ++k) {
    constexpr int size = R < pack_size<T> ? R : pack_size<T>;
    T left[R];
    for (int i = 0; i < R; i += size) {
      const Pack<T, size> pack = pack_at<size>(p + k * row_of<tile, T> + R * ty + i);
      for (int v = 0; v < size; ++v) left[i + v] = pack.values[v];
    }
    add_row<D>(out, left, b + k * row_of<D, T>);
  }
}

template <int D, int R, typename T>
__device__ void store_rows(const HeadView<T>& to, const T (&values)[R][D / 16], std::int64_t first,
                           std::int64_t count, int width) {
  constexpr int size = group_size<D, T>;
  const int ty = static_cast<int>(threadIdx.x) / 16;
  for (int i = 0; i < R; ++i) {
    const std::int64_t row = first + R * ty + i;
    if (row >= count) return;
    for (int c = 0; c < D / 16; c += size) {
      Pack<T, size> pack;
      for (int v = 0; v < size; ++v) pack.values[v] = values[i][c + v];
      store_in_row(to, row, feature<D, T>(c), width, pack);
    }
  }
}

template <typename T>
__device__ bool takes_part(const AttentionShape<T>& shape, const KeyMask& mask, std::int64_t query,
                           std::int64_t key) {
  if (query >= shape.queries || key >= shape.keys || (shape.causal && key > query + shape.causal_offset))
    return false;
  return mask.has(key);
}

template <typename T>
AttentionShape<T> attention_shape(const Tensor& q, const Tensor& k, const Tensor& v,
                                  const AttentionScores& scores) {
  return {q.size(-2),
          k.size(-2),
          static_cast<int>(q.size(-1)),
          static_cast<int>(v.size(-1)),
          static_cast<T>(scores.scale),
          scores.causal,
          scores.causal_offset};
}

// Calls f with the smallest D that both widths fit, as a constant.
template <typename F>
void with_width(std::int64_t width, std::int64_t value_width, F&& f) {
  const std::int64_t widest = std::max(width, value_width);
  if (widest <= 16) return f(std::integral_constant<int, 16>{});
  if (widest <= 32) return f(std::integral_constant<int, 32>{});
  if (widest <= 64) return f(std::integral_constant<int, 64>{});
  return f(std::integral_constant<int, 128>{});
}
constexpr std::int64_t widest_head = 128;

// Blocks that should fit a multiprocessor at once: more of them where a tile is small.
template <typename T, int D, int R>
constexpr int attention_blocks = sizeof(T) > 4 || R > 2 || D > 32 ? 2
                                 : D > 16 || R == 1               ? 3
                                                                  : 4;

}  // namespace lockstep::cuda
