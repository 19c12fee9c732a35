// Attention's gradients. With s = scale q k^T, p = exp(s - lse), delta = sum(dy y) over a row, dp = dy v^T
// and ds = p (dp - delta) scale:  dv = p^T dy, dk = ds^T q, dq = ds k. One kernel for dk and dv walks over
// the queries, one for dq over the keys: each sum is formed by one thread, so two runs have the same bits.
#include "core/cuda/attention_tile.h"
#include "core/cuda/cuda_kernels.h"

namespace lockstep::cuda {

namespace {

// Rows of a tile for each thread row: what fits 75 KiB of shared memory.
template <typename T, int D>
constexpr int backward_rows = sizeof(T) == 4 || D <= 32 ? 2 : 1;

enum : std::size_t { Q, K, V, Y, DY, DQ, DK, DV, mask_at, tensors };

template <typename T>
struct Gradients {
  HeadView<const T> q, k, v, dy;
  HeadView<T> dq, dk, dv;
  const T *lse, *delta;
  KeyMask mask;

  __device__ void move_to(const Strided<tensors>& lead, std::int64_t head, std::int64_t queries) {
    const auto at = offsets(lead, head);
    q.data += at[Q], k.data += at[K], v.data += at[V], dy.data += at[DY];
    dq.data += at[DQ], dk.data += at[DK], dv.data += at[DV];
    lse += head * queries, delta += head * queries;
    if (mask.data != nullptr) mask.data += at[mask_at];
  }
};

// delta of every row: a warp a row.
template <typename T>
__global__ void __launch_bounds__(block_threads)
    delta_kernel(T* delta, HeadView<const T> y, HeadView<const T> dy, Strided<tensors> lead,
                 std::int64_t rows, AttentionShape<T> shape) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (block_threads / 32) + threadIdx.x / 32;
  if (row >= rows) return;
  const auto at = offsets(lead, row / shape.queries);
  const T* const a = y.data + at[Y] + row % shape.queries * y.row_step;
  const T* const b = dy.data + at[DY] + row % shape.queries * dy.row_step;
  T sum = 0;
  for (int i = static_cast<int>(threadIdx.x) % 32; i < shape.value_width; i += 32) sum += a[i] * b[i];
  sum = sum_of_lanes(sum);
  if (threadIdx.x % 32 == 0) delta[row] = sum;
}

// p and ds of queries first ... and keys begin ... into tiles (query, key), from tiles of q, k, v and dy.
template <int D, int R, typename T>
__device__ void scores_and_slopes(T* ps, T* dss, const T* qs, const T* ks, const T* vs, const T* dys,
                                  const Gradients<T>& g, const AttentionShape<T>& shape, std::int64_t first,
                                  std::int64_t begin) {
  constexpr int tile = 16 * R;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  T s[R][R], dp[R][R];
  rows_times_rows<D, R>(s, qs, ks);
  rows_times_rows<D, R>(dp, dys, vs);
  for (int i = 0; i < R; ++i) {
    const std::int64_t query = first + R * ty + i;
    for (int j = 0; j < R; ++j) {
      T p = 0, ds = 0;
      if (takes_part(shape, g.mask, query, begin + tx + 16 * j)) {
        p = std::exp(s[i][j] * shape.scale - g.lse[query]);
        ds = p * (dp[i][j] - g.delta[query]) * shape.scale;
      }
      const int at = (R * ty + i) * (tile + 1) + tx + 16 * j;
      if (ps != nullptr) ps[at] = p;
      dss[at] = ds;
    }
  }
}

// A block's shared memory: tiles of k, v, q and dy, (tile, D + 1) each, then p and ds, (tile, tile
// + 1).
template <typename T>
struct SharedTiles {
  T *k, *v, *q, *dy, *rest;
};
template <typename T, int D, int tile>
__device__ SharedTiles<T> shared_tiles() {
  constexpr int size = tile * (D + 1);
  T* const first = dynamic_shared<T>();
  return {first, first + size, first + 2 * size, first + 3 * size, first + 4 * size};
}

template <typename T, int D>
__global__ void __launch_bounds__(attention_threads, attention_blocks<T, D, backward_rows<T, D>>)
    attention_dk_dv_kernel(Gradients<T> g, Strided<tensors> lead, AttentionShape<T> shape) {
  constexpr int R = backward_rows<T, D>, tile = 16 * R;
  const auto [ks, vs, qs, dys, ps] = shared_tiles<T, D, tile>();
  T* const dss = ps + tile * (tile + 1);
  g.move_to(lead, blockIdx.x, shape.queries);
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.y) * tile;
  load_tile<D, tile>(ks, g.k, begin, shape.keys, shape.width);
  load_tile<D, tile>(vs, g.v, begin, shape.keys, shape.value_width);
  T dk[R][D / 16] = {}, dv[R][D / 16] = {};
  const std::int64_t seeing = begin - shape.causal_offset;  // the first query that does
  for (std::int64_t first = shape.causal && seeing > 0 ? seeing : 0; first < shape.queries; first += tile) {
    __syncthreads();
    load_tile<D, tile>(qs, g.q, first, shape.queries, shape.width);
    load_tile<D, tile>(dys, g.dy, first, shape.queries, shape.value_width);
    __syncthreads();
    scores_and_slopes<D, R>(ps, dss, qs, ks, vs, dys, g, shape, first, begin);
    __syncthreads();
    add_product<D, R>(dv, ps, 1, tile + 1, dys);
    add_product<D, R>(dk, dss, 1, tile + 1, qs);
  }
  store_rows<D, R>(g.dk, dk, begin, shape.keys, shape.width);
  store_rows<D, R>(g.dv, dv, begin, shape.keys, shape.value_width);
}

template <typename T, int D>
__global__ void __launch_bounds__(attention_threads, attention_blocks<T, D, backward_rows<T, D>>)
    attention_dq_kernel(Gradients<T> g, Strided<tensors> lead, AttentionShape<T> shape) {
  constexpr int R = backward_rows<T, D>, tile = 16 * R;
  const auto [ks, vs, qs, dys, dss] = shared_tiles<T, D, tile>();
  g.move_to(lead, blockIdx.x, shape.queries);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * tile;
  load_tile<D, tile>(qs, g.q, first, shape.queries, shape.width);
  load_tile<D, tile>(dys, g.dy, first, shape.queries, shape.value_width);
  T dq[R][D / 16] = {};
  const std::int64_t end = shape.keys_of(first + tile);
  for (std::int64_t begin = 0; begin < end; begin += tile) {
    __syncthreads();
    load_tile<D, tile>(ks, g.k, begin, shape.keys, shape.width);
    load_tile<D, tile>(vs, g.v, begin, shape.keys, shape.value_width);
    __syncthreads();
    scores_and_slopes<D, R>(static_cast<T*>(nullptr), dss, qs, ks, vs, dys, g, shape, first, begin);
    __syncwarp();  // the rows of dss that a thread reads are its own warp's
    add_product<D, R>(dq, dss, tile + 1, 1, ks);
  }
  store_rows<D, R>(g.dq, dq, first, shape.queries, shape.width);
}

}  // namespace

void CudaKernels::attention_backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& dy,
                                     const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                                     const Tensor& v, const AttentionScores& scores) const {
  const Tensor& mask = scores.key_mask;
  std::array<Tensor, tensors> heads{q, k, v, y, dy, dq, dk, dv, mask.defined() ? mask : q};
  std::array<const Tensor*, tensors> pointers;
  for (std::size_t i = 0; i < tensors; ++i) {
    heads[i] = first_of_each_matrix(heads[i]);
    pointers[i] = &heads[i];
  }
  const Strided<tensors> lead(heads[Q].shape(), pointers);
  const std::int64_t count = heads[Q].numel(), rows = count * q.size(-2);
  dispatch_real(q.dtype(), [&](auto t) {
    using T = decltype(t);
    const AttentionShape<T> shape = attention_shape<T>(q, k, v, scores);
    const Buffer delta(static_cast<std::size_t>(rows) * sizeof(T), Device::cuda);
    const auto in = [](const Tensor& x) { return HeadView<const T>{on_device<T>(x), row_step(x)}; };
    const auto out = [](const Tensor& x) { return HeadView<T>{on_device<T>(x), row_step(x)}; };
    const Gradients<T> g{in(q),
                         in(k),
                         in(v),
                         in(dy),
                         out(dq),
                         out(dk),
                         out(dv),
                         on_device<T>(lse),
                         static_cast<const T*>(delta.data()),
                         {on_device<std::uint8_t>(mask), mask.defined() ? mask.strides().back() : 0}};
    launch(delta_kernel<T>, static_cast<unsigned>((rows + block_threads / 32 - 1) / (block_threads / 32)),
           block_threads, 0, static_cast<T*>(delta.data()), in(y), in(dy), lead, rows, shape);
    with_width(q.size(-1), v.size(-1), [&](auto d) {
      constexpr int D = d(), tile = 16 * backward_rows<T, D>;
      const auto shared = [](int squares) {
        return sizeof(T) * (4 * tile * (D + 1) + squares * tile * (tile + 1));
      };
      const auto grid = [&](std::int64_t length) {
        return dim3(static_cast<unsigned>(count), static_cast<unsigned>((length + tile - 1) / tile));
      };
      launch(attention_dk_dv_kernel<T, D>, grid(k.size(-2)), attention_threads, shared(2), g, lead, shape);
      launch(attention_dq_kernel<T, D>, grid(q.size(-2)), attention_threads, shared(1), g, lead, shape);
    });
  });
}

}  // namespace lockstep::cuda
