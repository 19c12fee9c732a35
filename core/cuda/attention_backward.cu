// Attention's gradients. With s = scale q k^T, p = exp(s - lse), delta = sum(dy y) over a row, dp = dy v^T
// and ds = p (dp - delta) scale:  dv = p^T dy, dk = ds^T q, dq = ds k. Every sum is formed by one thread, so
// two runs have the same bits. A head of one tile has a block, a short one some lanes; of a longer
// one, some blocks take a tile of keys each and walk over the queries for dk and dv, the others take a tile
// of queries for dq.
#include "core/cuda/attention_short.h"
#include "core/cuda/attention_tile.h"

namespace lockstep::cuda {

namespace {

// Rows of a tile for each thread row: what fits 75 KiB of shared memory.
template <typename T, int D>
constexpr int backward_rows = sizeof(T) == 4 || D <= 32 ? 2 : 1;

enum : std::size_t { Q, K, V, Y, DY, DQ, DK, DV, mask_at, tensors };

template <typename T>
struct Gradients {
  HeadView<const T> q, k, v, y, dy;
  HeadView<T> dq, dk, dv;
  const T *lse, *delta;
  KeyMask mask;
  auto fields() const { return std::tie(q, k, v, y, dy, dq, dk, dv, lse, delta, mask); }

  __device__ void move_to(const Strided<tensors>& lead, std::int64_t head, std::int64_t queries) {
    const auto at = offsets(lead, head);
    q.data += at[Q], k.data += at[K], v.data += at[V], y.data += at[Y], dy.data += at[DY];
    dq.data += at[DQ], dk.data += at[DK], dv.data += at[DV];
    lse += head * queries, delta += head * queries;
    if (mask.data != nullptr) mask.data += at[mask_at];
  }
};

// The sum of dy y over a row, formed by neighbouring lanes.
template <int lanes, typename T>
__device__ T delta_of(const Gradients<T>& g, std::int64_t row, int value_width) {
  const T* const a = g.y.data + row * g.y.row_step;
  const T* const b = g.dy.data + row * g.dy.row_step;
  T sum = 0;
  for (int i = static_cast<int>(threadIdx.x) % lanes; i < value_width; i += lanes) sum += a[i] * b[i];
  return sum_of_lanes<lanes>(sum);
}

// delta of every row: a warp a row.
template <typename T>
__global__ void __launch_bounds__(block_threads) delta_kernel(T* delta, Gradients<T> g, Strided<tensors> lead,
                                                              std::int64_t rows, AttentionShape<T> shape) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (block_threads / 32) + threadIdx.x / 32;
  if (row >= rows) return;
  g.move_to(lead, row / shape.queries, shape.queries);
  const T sum = delta_of<32>(g, row % shape.queries, shape.value_width);
  if (threadIdx.x % 32 == 0) delta[row] = sum;
}

// A block's shared memory: tiles of k, v, q and dy, then square ones of p and ds, (query, key).
template <typename T, int D, int R>
struct Tiles {
  static constexpr int tile = 16 * R;
  static constexpr std::size_t bytes = sizeof(T) * tile * (4 * row_of<D, T> + 2 * row_of<tile, T>);

  T* const k = dynamic_shared<T>();
  T* const v = k + tile * row_of<D, T>;
  T* const q = v + tile * row_of<D, T>;
  T* const dy = q + tile * row_of<D, T>;
  T* const p = dy + tile * row_of<D, T>;
  T* const ds = p + tile * row_of<tile, T>;

  __device__ void load_keys(const Gradients<T>& g, const AttentionShape<T>& shape, std::int64_t begin) const {
    load_tile<D, tile>(k, g.k, begin, shape.keys, shape.width);
    load_tile<D, tile>(v, g.v, begin, shape.keys, shape.value_width);
  }
  __device__ void load_queries(const Gradients<T>& g, const AttentionShape<T>& shape,
                               std::int64_t first) const {
    load_tile<D, tile>(q, g.q, first, shape.queries, shape.width);
    load_tile<D, tile>(dy, g.dy, first, shape.queries, shape.value_width);
  }

  // p, if wanted, and ds of queries first ... and keys begin ....
  __device__ void scores_and_slopes(const Gradients<T>& g, const AttentionShape<T>& shape, std::int64_t first,
                                    std::int64_t begin, bool wants_p) const {
    const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
    T s[R][R], dp[R][R];
    rows_times_rows<D, R>(s, q, k);
    rows_times_rows<D, R>(dp, dy, v);
    for (int i = 0; i < R; ++i) {
      const std::int64_t query = first + R * ty + i;
      for (int j = 0; j < R; ++j) {
        T of_p = 0, of_ds = 0;
        if (takes_part(shape, g.mask, query, begin + tx + 16 * j)) {
          of_p = std::exp(s[i][j] * shape.scale - g.lse[query]);
          of_ds = of_p * (dp[i][j] - g.delta[query]) * shape.scale;
        }
        const int at = (R * ty + i) * row_of<tile, T> + tx + 16 * j;
        if (wants_p) p[at] = of_p;
        ds[at] = of_ds;
      }
    }
  }
};

template <int D, int R, typename T>
__device__ void make_dk_and_dv(const Gradients<T>& g, const AttentionShape<T>& shape, std::int64_t begin) {
  constexpr int tile = 16 * R;
  const Tiles<T, D, R> tiles;
  tiles.load_keys(g, shape, begin);
  T dk[R][D / 16] = {}, dv[R][D / 16] = {};
  const std::int64_t seeing = begin - shape.causal_offset;  // the first query that does
  for (std::int64_t first = shape.causal && seeing > 0 ? seeing : 0; first < shape.queries; first += tile) {
    __syncthreads();
    tiles.load_queries(g, shape, first);
    __syncthreads();
    tiles.scores_and_slopes(g, shape, first, begin, true);
    __syncthreads();
    add_transposed_product<D>(dv, tiles.p, tiles.dy);
    add_transposed_product<D>(dk, tiles.ds, tiles.q);
  }
  store_rows<D>(g.dk, dk, begin, shape.keys, shape.width);
  store_rows<D>(g.dv, dv, begin, shape.keys, shape.value_width);
}

template <int D, int R, typename T>
__device__ void make_dq(const Gradients<T>& g, const AttentionShape<T>& shape, std::int64_t first) {
  constexpr int tile = 16 * R;
  const Tiles<T, D, R> tiles;
  tiles.load_queries(g, shape, first);
  T dq[R][D / 16] = {};
  const std::int64_t end = shape.keys_of(first + tile);
  for (std::int64_t begin = 0; begin < end; begin += tile) {
    __syncthreads();
    tiles.load_keys(g, shape, begin);
    __syncthreads();
    tiles.scores_and_slopes(g, shape, first, begin, false);
    __syncwarp();  // the rows of ds that a thread reads are its own warp's
    add_product<D>(dq, tiles.ds, tiles.k);
  }
  store_rows<D>(g.dq, dq, first, shape.queries, shape.width);
}

template <typename T, int D>
__global__ void __launch_bounds__(attention_threads, attention_blocks<T, D, backward_rows<T, D>>)
    attention_backward_kernel(Gradients<T> g, Strided<tensors> lead, AttentionShape<T> shape,
                              unsigned tiles_of_keys) {
  constexpr int R = backward_rows<T, D>, tile = 16 * R;
  g.move_to(lead, blockIdx.x, shape.queries);
  const unsigned number = blockIdx.y;
  if (number < tiles_of_keys) {
    make_dk_and_dv<D, R>(g, shape, static_cast<std::int64_t>(number) * tile);
  } else {
    make_dq<D, R>(g, shape, static_cast<std::int64_t>(number - tiles_of_keys) * tile);
  }
}

// All of a head that is no longer than a tile.
template <typename T, int D, int R>
__global__ void __launch_bounds__(attention_threads, attention_blocks<T, D, R>)
    attention_backward_of_one_tile_kernel(Gradients<T> g, Strided<tensors> lead, AttentionShape<T> shape) {
  constexpr int tile = 16 * R, lanes = attention_threads / tile;
  const Tiles<T, D, R> tiles;
  __shared__ T deltas[tile];
  g.move_to(lead, blockIdx.x, shape.queries);
  g.delta = deltas;
  tiles.load_keys(g, shape, 0);
  tiles.load_queries(g, shape, 0);
  const int row = static_cast<int>(threadIdx.x) / lanes;
  const T delta = delta_of<lanes>(g, row, row < shape.queries ? shape.value_width : 0);
  if (threadIdx.x % lanes == 0) deltas[row] = delta;
  __syncthreads();
  tiles.scores_and_slopes(g, shape, 0, 0, true);
  __syncthreads();
  T sums[R][D / 16] = {};
  add_transposed_product<D>(sums, tiles.p, tiles.dy);
  store_rows<D>(g.dv, sums, 0, shape.keys, shape.value_width);
  const auto clear = [&] {
    for (int i = 0; i < R; ++i)
      for (int c = 0; c < D / 16; ++c) sums[i][c] = 0;
  };
  clear();
  add_transposed_product<D>(sums, tiles.ds, tiles.q);
  store_rows<D>(g.dk, sums, 0, shape.keys, shape.width);
  clear();
  add_product<D>(sums, tiles.ds, tiles.k);
  store_rows<D>(g.dq, sums, 0, shape.queries, shape.width);
}

// A block's shared memory: a row of k and of v for each of its rows, then of q and of dy; and their p and ds
// by key.
template <int D, int share>
struct ShortTiles {
  static constexpr int step = row_of<D, float>, step_of_weights = 32 * share + 1;
  static constexpr std::size_t bytes = sizeof(float) * short_rows * 2 * (step + step_of_weights);

  float* const first = dynamic_shared<float>();
  float* const second = first + short_rows * step;
  float* const p = second + short_rows * step;
  float* const ds = p + short_rows * step_of_weights;
};

template <int D, int share>
__global__ void __launch_bounds__(share* short_rows, short_blocks<D, share>)
    short_attention_backward_kernel(Gradients<float> g, Strided<tensors> lead, AttentionShape<float> shape,
                                    ShortHeads heads) {
  using Tiles = ShortTiles<D, share>;
  constexpr int at_once = 64 / D;  // of what a thread walks over, so that one need not wait for the last
  const Tiles tiles;
  const ShortRow<share> mine(heads);
  const int row = mine.row, first = mine.first, queries = static_cast<int>(shape.queries);
  float* const own_first = tiles.first + mine.in_block * Tiles::step;
  float* const own_second = tiles.second + mine.in_block * Tiles::step;
  g.move_to(lead, mine.head, shape.queries);
  float q[D], dy[D];
  load_row(q, g.k, row, shape.keys, shape.width);
  load_row(dy, g.v, row, shape.keys, shape.value_width);
  if (mine.part == 0) put_row(own_first, q);
  if (mine.part == share - 1) put_row(own_second, dy);
  load_row(q, g.y, row, shape.queries, shape.value_width);
  load_row(dy, g.dy, row, shape.queries, shape.value_width);
  float delta = 0;
  for (int c = 0; c < D; ++c) delta += dy[c] * q[c];
  load_row(q, g.q, row, shape.queries, shape.width);
  const float lse = row < queries ? g.lse[row] : 0.0f;
  __syncthreads();
  // A row is a query.
  {
    float dq[D] = {};
    const int own = mine.in_block * Tiles::step_of_weights, seen = keys_seen(shape, row);
#pragma unroll 1
    for (int begin = mine.part * at_once; begin < seen; begin += share * at_once) {
      for (int key = begin; key < begin + at_once; ++key) {
        const float* const k = tiles.first + (first + key) * Tiles::step;
        const float s = dot(q, k), dp = dot(dy, tiles.second + (first + key) * Tiles::step);
        const bool counts = key < seen && g.mask.has(key);
        const float p = counts ? std::exp(s * shape.scale - lse) : 0.0f;
        const float ds = counts ? p * (dp - delta) * shape.scale : 0.0f;
        tiles.p[own + key] = p;
        tiles.ds[own + key] = ds;
        add_times(dq, ds, k);
      }
    }
    float own_dq[D / share];
    own_features<share>(own_dq, dq, mine.part);
    if (mine.exists && row < queries) store_features(g.dq, own_dq, row, mine.part, shape.width);
  }
  __syncthreads();
  if (mine.part == 0) put_row(own_first, q);
  if (mine.part == share - 1) put_row(own_second, dy);
  __syncthreads();
  // A row is a key, which queries from `seeing` on see; the warp begins with its first row's.
  const int offset = static_cast<int>(std::clamp<std::int64_t>(shape.causal_offset, -short_rows, short_rows)),
            seeing = shape.causal ? row - offset : 0, begin = shape.causal ? mine.first_of_warp - offset : 0;
  float dk[D] = {}, dv[D] = {};
#pragma unroll at_once
  for (int query = (begin > 0 ? begin : 0) + mine.part; query < queries; query += share) {
    const int other = first + query, weight = other * Tiles::step_of_weights + row;
    const bool is_seen = query >= seeing && row < shape.keys;
    add_times(dk, is_seen ? tiles.ds[weight] : 0.0f, tiles.first + other * Tiles::step);
    add_times(dv, is_seen ? tiles.p[weight] : 0.0f, tiles.second + other * Tiles::step);
  }
  float own_dk[D / share], own_dv[D / share];
  own_features<share>(own_dk, dk, mine.part);
  own_features<share>(own_dv, dv, mine.part);
  if (!mine.exists || row >= shape.keys) return;
  store_features(g.dk, own_dk, row, mine.part, shape.width);
  store_features(g.dv, own_dv, row, mine.part, shape.value_width);
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
    Gradients<T> g{head_view<const T>(q),
                   head_view<const T>(k),
                   head_view<const T>(v),
                   head_view<const T>(y),
                   head_view<const T>(dy),
                   head_view<T>(dq),
                   head_view<T>(dk),
                   head_view<T>(dv),
                   on_device<T>(lse),
                   nullptr,
                   {on_device<std::uint8_t>(mask), mask.defined() ? mask.strides().back() : 0}};
    with_width(q.size(-1), v.size(-1), [&](auto d) {
      constexpr int D = d(), R = backward_rows<T, D>, tile = 16 * R;
      const auto heads_now = static_cast<unsigned>(count);
      if constexpr (has_short_kernel<T, D>) {
        if (is_short(shape.queries, shape.keys)) {
          const ShortHeads short_heads(count, shape.queries, shape.keys);
          return with_share(short_heads, [&](auto share) {
            launch(short_attention_backward_kernel<D, share()>, short_heads.blocks(), share() * short_rows,
                   ShortTiles<D, share()>::bytes, g, lead, shape, short_heads);
          });
        }
      } else if (std::max(shape.queries, shape.keys) <= tile) {
        return launch(attention_backward_of_one_tile_kernel<T, D, R>, heads_now, attention_threads,
                      Tiles<T, D, R>::bytes, g, lead, shape);
      }
      const Buffer delta(static_cast<std::size_t>(rows) * sizeof(T), Device::cuda);
      launch(delta_kernel<T>, blocks_of(rows, block_threads / 32), block_threads, 0,
             static_cast<T*>(delta.data()), g, lead, rows, shape);
      g.delta = static_cast<const T*>(delta.data());
      const unsigned tiles_of_keys = blocks_of(shape.keys, tile),
                     tiles_of_queries = blocks_of(shape.queries, tile);
      launch(attention_backward_kernel<T, D>, dim3(heads_now, tiles_of_keys + tiles_of_queries),
             attention_threads, Tiles<T, D, R>::bytes, g, lead, shape, tiles_of_keys);
    });
  });
}

}  // namespace lockstep::cuda
