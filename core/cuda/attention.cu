// Attention forward with an online softmax: a block takes a tile of queries and walks over tiles of keys, so
// that no (T, S) is stored. Of short heads, a lane takes a query.
#include "core/cuda/attention_short.h"
#include "core/cuda/attention_tile.h"

namespace lockstep::cuda {

namespace {

// Rows of a tile for each thread row: what fits 68 KiB of shared memory, and fewer for few tokens.
template <typename T, int D>
constexpr int forward_rows = sizeof(T) == 4 ? (D <= 64 ? 4 : 2) : (D <= 64 ? 2 : 1);

enum : std::size_t { Q, K, V, Y, mask_at, tensors };

template <typename T, int D, int R>
__global__ void __launch_bounds__(attention_threads, attention_blocks<T, D, R>)
    attention_kernel(HeadView<T> y, T* lse, HeadView<const T> q, HeadView<const T> k, HeadView<const T> v,
                     KeyMask mask, Strided<tensors> lead, AttentionShape<T> shape) {
  constexpr int tile = 16 * R;
  T* const qs = dynamic_shared<T>();
  T* const ks = qs + tile * row_of<D, T>;
  T* const vs = ks + tile * row_of<D, T>;
  T* const ps = vs + tile * row_of<D, T>;
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * tile;
  const auto at = offsets(lead, blockIdx.x);
  q.data += at[Q], k.data += at[K], v.data += at[V], y.data += at[Y];
  if (mask.data != nullptr) mask.data += at[mask_at];
  load_tile<D, tile>(qs, q, first, shape.queries, shape.width, shape.scale);
  T out[R][D / 16] = {}, most[R], total[R];
  for (int i = 0; i < R; ++i) most[i] = -INFINITY, total[i] = 0;
  const std::int64_t end = shape.keys_of(first + tile);
  for (std::int64_t begin = 0; begin < end; begin += tile) {
    __syncthreads();
    load_tile<D, tile>(ks, k, begin, shape.keys, shape.width);
    load_tile<D, tile>(vs, v, begin, shape.keys, shape.value_width);
    __syncthreads();
    T s[R][R];
    rows_times_rows<D, R>(s, qs, ks);
    for (int i = 0; i < R; ++i) {
      T largest = -INFINITY;
      for (int j = 0; j < R; ++j) {
        if (!takes_part(shape, mask, first + R * ty + i, begin + tx + 16 * j)) s[i][j] = -INFINITY;
        largest = largest > s[i][j] ? largest : s[i][j];
      }
      largest = max_of_lanes<16>(largest);
      largest = largest > most[i] ? largest : most[i];
      // Where no key has taken part so far, both are -inf and nothing has been added up.
      const T factor = most[i] == largest ? T(1) : std::exp(most[i] - largest);
      T sum = 0;
      for (int j = 0; j < R; ++j) {
        const T p = s[i][j] == -INFINITY ? T(0) : std::exp(s[i][j] - largest);
        sum += p;
        ps[(R * ty + i) * row_of<tile, T> + tx + 16 * j] = p;
      }
      most[i] = largest;
      total[i] = total[i] * factor + sum_of_lanes<16>(sum);
      for (int c = 0; c < D / 16; ++c) out[i][c] *= factor;
    }
    __syncwarp();  // the rows of ps that a thread reads are its own warp's
    add_product<D>(out, ps, vs);
  }
  for (int i = 0; i < R; ++i) {
    const std::int64_t row = first + R * ty + i;
    for (int c = 0; c < D / 16; ++c) out[i][c] = total[i] > 0 ? out[i][c] / total[i] : T(0);
    if (tx == 0 && row < shape.queries)
      lse[static_cast<std::int64_t>(blockIdx.x) * shape.queries + row] =
          total[i] > 0 ? most[i] + std::log(total[i]) : T(0);
  }
  store_rows<D, R>(y, out, first, shape.queries, shape.value_width);
}

template <int D, int share>
__global__ void __launch_bounds__(share* short_rows, short_blocks<D, share>)
    short_attention_kernel(HeadView<float> y, float* lse, HeadView<const float> q, HeadView<const float> k,
                           HeadView<const float> v, KeyMask mask, Strided<tensors> lead,
                           AttentionShape<float> shape, ShortHeads heads) {
  constexpr int step = row_of<D, float>,
                at_once = pack_size<float>;  // keys; a head has as many rows or more
  __shared__ __align__(16) float ks[short_rows * step], vs[short_rows * step];
  const ShortRow<share> mine(heads);
  const auto at = offsets(lead, mine.head);
  q.data += at[Q], k.data += at[K], v.data += at[V], y.data += at[Y];
  if (mask.data != nullptr) mask.data += at[mask_at];
  float row[D];
  if (mine.part == 0) {
    load_row(row, k, mine.row, shape.keys, shape.width);
    put_row(ks + mine.in_block * step, row);
  }
  if (mine.part == share - 1) {
    load_row(row, v, mine.row, shape.keys, shape.value_width);
    put_row(vs + mine.in_block * step, row);
  }
  load_row(row, q, mine.row, shape.queries, shape.width);
  for (float& value : row) value *= shape.scale;
  __syncthreads();
  const float *const of_k = ks + mine.first * step, *const of_v = vs + mine.first * step;
  const int seen = keys_seen(shape, mine.row);
  float out[D] = {}, most = -INFINITY, total = 0;
#pragma unroll 1
  for (int key = mine.part * at_once; key < seen; key += share * at_once) {
    float s[at_once], largest = most;
    for (int j = 0; j < at_once; ++j) {
      const float score = dot(row, of_k + (key + j) * step);
      s[j] = key + j < seen && mask.has(key + j) ? score : -INFINITY;
      largest = largest > s[j] ? largest : s[j];
    }
    const float factor = most == largest ? 1.0f : std::exp(most - largest);
    most = largest;
    total *= factor;
    for (float& value : out) value *= factor;
    for (int j = 0; j < at_once; ++j) {
      const float p = s[j] == -INFINITY ? 0.0f : std::exp(s[j] - most);
      total += p;
      add_times(out, p, of_v + (key + j) * step);
    }
  }
  const float largest = max_of_lanes<share>(most), factor = most == largest ? 1.0f : std::exp(most - largest);
  total = sum_of_lanes<share>(total * factor);
  if constexpr (share > 1) {
    for (float& value : out) value *= factor;
  }
  float own[D / share];
  own_features<share>(own, out, mine.part);
  if (!mine.exists || mine.row >= shape.queries) return;
  for (float& value : own) value = total > 0 ? value / total : 0.0f;
  store_features(y, own, mine.row, mine.part, shape.value_width);
  if (mine.part == 0)
    lse[mine.head * shape.queries + mine.row] = total > 0 ? largest + std::log(total) : 0.0f;
}

}  // namespace

bool CudaKernels::fuses_attention(std::int64_t query_width, std::int64_t value_width) const {
  return query_width <= widest_head && value_width <= widest_head;
}

void CudaKernels::attention(const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                            const Tensor& v, const AttentionScores& scores) const {
  const Tensor& mask = scores.key_mask;
  const std::array<Tensor, tensors> heads{first_of_each_matrix(q), first_of_each_matrix(k),
                                          first_of_each_matrix(v), first_of_each_matrix(y),
                                          first_of_each_matrix(mask.defined() ? mask : q)};
  const Strided<tensors> lead(heads[0].shape(), {&heads[0], &heads[1], &heads[2], &heads[3], &heads[4]});
  const std::int64_t count = heads[0].numel();
  const KeyMask key_mask{on_device<std::uint8_t>(mask), mask.defined() ? mask.strides().back() : 0};
  dispatch_real(q.dtype(), [&](auto t) {
    using T = decltype(t);
    const auto run = [&](auto d, auto r) {
      constexpr int D = d(), R = r(), tile = 16 * R;
      const std::size_t shared = sizeof(T) * tile * (3 * row_of<D, T> + row_of<tile, T>);
      const dim3 grid(static_cast<unsigned>(count), blocks_of(q.size(-2), tile));
      launch(attention_kernel<T, D, R>, grid, attention_threads, shared, head_view<T>(y), on_device<T>(lse),
             head_view<const T>(q), head_view<const T>(k), head_view<const T>(v), key_mask, lead,
             attention_shape<T>(q, k, v, scores));
    };
    with_width(q.size(-1), v.size(-1), [&](auto d) {
      constexpr int D = d(), rows = forward_rows<T, D>;
      if constexpr (has_short_kernel<T, D>) {
        if (is_short(q.size(-2), k.size(-2))) {
          const ShortHeads short_heads(count, q.size(-2), k.size(-2));
          const auto start = [&](auto share) {
            launch(short_attention_kernel<D, share()>, short_heads.blocks(), share() * short_rows, 0,
                   head_view<T>(y), on_device<T>(lse), head_view<const T>(q), head_view<const T>(k),
                   head_view<const T>(v), key_mask, lead, attention_shape<T>(q, k, v, scores), short_heads);
          };
          return with_share(short_heads, start);
        }
      }
      // Smaller tiles also where large ones would leave most of a card's multiprocessors without a block.
      const bool few = count * blocks_of(q.size(-2), 64) < 128;
      if (rows > 2 && (few || (q.size(-2) <= 32 && k.size(-2) <= 32)))
        return run(d, std::integral_constant<int, 2>{});
      run(d, std::integral_constant<int, rows>{});
    });
  });
}

}  // namespace lockstep::cuda
