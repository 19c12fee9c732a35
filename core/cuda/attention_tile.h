#pragma once

#include "core/cuda/strided.h"
#include "core/kernels.h"

// What the attention kernels share. A block's 256 threads stand 16 x 16, (tx, ty); it works on tiles of R *
// 16 queries and as many keys in shared memory, whose rows are padded by one element against bank conflicts.
// Thread (tx, ty) has the R rows R ty + i of a tile and, of its columns, every 16th: tx + 16 j.
namespace lockstep::cuda {

constexpr int attention_threads = 256;

template <typename T>
struct HeadView {  // (rows, width) of one head
  T* data;
  std::int64_t row_step;  // the last stride is 1
};

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
};

// Rows first ... of a head into a tile (rows, D + 1), zeros beyond its ends.
template <int D, int rows, typename T>
__device__ void load_tile(T* tile, const HeadView<const T>& from, std::int64_t first, std::int64_t count,
                          int width, T factor = 1) {
  for (int i = static_cast<int>(threadIdx.x); i < rows * D; i += attention_threads) {
    const int row = i / D, column = i % D;
    const bool inside = first + row < count && column < width;
    tile[row * (D + 1) + column] = inside ? from.data[(first + row) * from.row_step + column] * factor : T(0);
  }
}

// out[i][j] = row R ty + i of a times row tx + 16 j of b
template <int D, int R, typename T>
__device__ void rows_times_rows(T (&out)[R][R], const T* a, const T* b) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < R; ++j) out[i][j] = 0;
#pragma unroll 8  // all of it would need more registers than there are
  for (int d = 0; d < D; ++d) {
    T left[R], right[R];
    for (int i = 0; i < R; ++i) {
      left[i] = a[(R * ty + i) * (D + 1) + d];
      right[i] = b[(tx + 16 * i) * (D + 1) + d];
    }
    for (int i = 0; i < R; ++i)
      for (int j = 0; j < R; ++j) out[i][j] += left[i] * right[j];
  }
}

// out[i][c] += sum over k of p[row R ty + i, k] b[k, column tx + 16 c]; p's element (row, k) is at row
// row_step + k step.
template <int D, int R, typename T>
__device__ void add_product(T (&out)[R][D / 16], const T* p, int row_step, int step, const T* b) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
#pragma unroll 4
  for (int k = 0; k < R * 16; ++k) {
    T left[R];
    for (int i = 0; i < R; ++i) left[i] = p[(R * ty + i) * row_step + k * step];
    for (int c = 0; c < D / 16; ++c) {
      const T right = b[k * (D + 1) + tx + 16 * c];
      for (int i = 0; i < R; ++i) out[i][c] += left[i] * right;
    }
  }
}

template <int D, int R, typename T>
__device__ void store_rows(const HeadView<T>& to, const T (&values)[R][D / 16], std::int64_t first,
                           std::int64_t count, int width) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  for (int i = 0; i < R; ++i) {
    const std::int64_t row = first + R * ty + i;
    for (int c = 0; c < D / 16; ++c) {
      const int column = tx + 16 * c;
      if (row < count && column < width) to.data[row * to.row_step + column] = values[i][c];
    }
  }
}

template <typename T>
__device__ bool takes_part(const AttentionShape<T>& shape, const KeyMask& mask, std::int64_t query,
                           std::int64_t key) {
  if (query >= shape.queries || key >= shape.keys || (shape.causal && key > query + shape.causal_offset))
    return false;
  return mask.data == nullptr || mask.data[key * mask.step] != 0;
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

inline std::int64_t row_step(const Tensor& x) { return x.strides()[x.rank() - 2]; }

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
                                 : D > 16                         ? 3
                                                                  : 4;

}  // namespace lockstep::cuda
