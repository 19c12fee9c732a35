// Products in f32 of few tiles, by blocks and groups of threads that share what is summed over.
#include <algorithm>

#include "core/cuda/launch.h"
#include "core/cuda/memory.h"
#include "core/cuda/pack.h"
#include "core/cuda/tile_product.h"
#include "core/runtime/observer.h"

namespace lockstep::cuda {

namespace {

constexpr int pack = pack_size<float>;
constexpr int tile = 32, side = 4;  // a tile is (tile, tile), of which a thread has (side, side)
constexpr int across = tile / side, group = across * across;  // the threads that have one
constexpr int groups = 4, threads = groups * group;           // of a block, which share k
constexpr int depth = 16;                                     // of k that a group takes at once

// What a group has of a factor in shared memory: `tile` of its rows (of a) or columns (of b), `depth` of the
// k elements that a product sums over. It lies there (tile, depth), or if by_rows, where k goes from row to
// row of the factor, (depth, tile).
template <bool by_rows, bool packed>
class TileOfFactor {
 public:
  static constexpr int width = by_rows ? tile : depth;
  static constexpr int step = width + pack;  // from row to row: so, reads of a column meet no bank conflicts
  static constexpr int size = (by_rows ? depth : tile) * step;

  // From row or column `place` on, of which there are `places` more, and from `first` on of k. Beyond the
  // last of its places the tile has whatever is at hand: what comes of that is not stored.
  __device__ TileOfFactor(const Matrices<const float>& factor, unsigned matrix, std::int64_t place,
                          std::int64_t places, int first, int thread)
      : advance_(by_rows ? depth * factor.leading : depth),
        places_(static_cast<int>(places < tile ? places : tile)),
        thread_(thread) {
    const float* const from = factor.data + matrix * factor.stride;
    for (int i = 0; i < packs; ++i) {
      if (by_rows) {
        const int at = packed && column(i) > places_ - pack ? places_ - pack : column(i);
        at_[i] = from + (first + row(i)) * factor.leading + place + at;
      } else {
        const int at = row(i) < places_ ? row(i) : places_ - 1;
        at_[i] = from + (place + at) * factor.leading + first + column(i);
      }
    }
  }

  // Reads the next `depth` of k, of which `left` are left; zeros beyond.
  __device__ void read(int left) {
    for (int i = 0; i < packs; ++i) {
      const bool is_there = (by_rows ? row(i) : column(i)) < left;
      if constexpr (packed) {
        values_[i] = is_there ? pack_at(at_[i]) : Pack<float>{};
      } else {
        const int end = by_rows ? places_ : left;
        for (int v = 0; v < pack; ++v)
          values_[i].values[v] = is_there && column(i) + v < end ? at_[i][v] : 0.0f;
      }
      at_[i] += advance_;
    }
  }
  // Puts what was read into shared memory.
  __device__ void put(float* to) const {
    for (int i = 0; i < packs; ++i) store(to + row(i) * step + column(i), values_[i]);
  }

  // The row or column of element i of the thread that stands at t: neighbours if by_rows, else evenly spaced.
  static __device__ int place(int t, int i) { return by_rows ? side * t + i : t + across * i; }

  // What a thread at t multiplies: its `side` rows or columns, `pack` elements of k from d on.
  struct Operand {
    Pack<float> packs[side];
    __device__ Operand(const float* from, int d, int t) {
      static_assert(side == pack);
      for (int i = 0; i < side; ++i)
        packs[i] = pack_at(by_rows ? from + (d + i) * step + place(t, 0) : from + place(t, i) * step + d);
    }
    __device__ float at(int i, int v) const { return by_rows ? packs[v].values[i] : packs[i].values[v]; }
  };

 private:
  static constexpr int packs = tile * depth / pack / group;
  __device__ int row(int i) const { return (thread_ + i * group) / (width / pack); }
  __device__ int column(int i) const { return (thread_ + i * group) % (width / pack) * pack; }

  Pack<float> values_[packs];
  const float* at_[packs];
  std::int64_t advance_;
  int places_;
  int thread_;
};

// Blocks that share the elements of a tile's sums: where each leaves its own, and the counter of each tile.
struct Parts {
  unsigned count = 1;
  float* tiles = nullptr;    // (tiles, count, tile, tile)
  double* totals = nullptr;  // of rows: (rows of tiles, count, tile)
  unsigned* counters = nullptr;
  auto fields() const { return std::tie(count, tiles, totals, counters); }
};

__device__ inline void add(Pack<float>& to, const Pack<float>& x) {
  for (int v = 0; v < pack; ++v) to.values[v] += x.values[v];
}

// Stores the sums of `column` and its neighbours, of n, at `place`.
template <bool packed>
__device__ void finish(const Matrices<float>& c, const Addend<float>& addend, const float* bias,
                       std::int64_t place, std::int64_t column, std::int64_t n, Pack<float> sums) {
  const int here = n - column < pack ? static_cast<int>(n - column) : pack;
  const auto read = [&](const float* from) {
    Pack<float> values = {};
    if constexpr (packed) {
      values = pack_at(from);
    } else {
      for (int v = 0; v < here; ++v) values.values[v] = from[v];
    }
    return values;
  };
  for (float& sum : sums.values) sum *= addend.factor;
  if (bias != nullptr) add(sums, read(bias + column));
  if (addend.data != nullptr) {
    const Pack<float> more = read(addend.data + place);
    for (int v = 0; v < pack; ++v) sums.values[v] += addend.share * more.values[v];
  }
  if constexpr (packed) {
    store(c.data + place, sums);
  } else {
    for (int v = 0; v < here; ++v) c.data[place + v] = sums.values[v];
  }
}

template <bool a_by_rows, bool b_by_rows, bool packed>
__global__ void __launch_bounds__(threads, a_by_rows ? 3 : 2)
    tile_product_kernel(std::int64_t m, std::int64_t n, int k, Matrices<const float> a,
                        Matrices<const float> b, Matrices<float> c, Addend<float> addend, const float* bias,
                        RowSums row_sums, Parts parts) {
  using TileA = TileOfFactor<a_by_rows, packed>;
  using TileB = TileOfFactor<b_by_rows, packed>;
  constexpr int step = tile + pack, size_of_sums = tile * step, size_of_factors = TileA::size + TileB::size;
  __shared__ __align__(16) float shared[groups * std::max(size_of_factors, size_of_sums)];
  __shared__ double totals[groups][tile];
  const unsigned matrix = blockIdx.z / parts.count, part = blockIdx.z % parts.count;
  const int of_group = static_cast<int>(threadIdx.x) / group, thread = static_cast<int>(threadIdx.x) % group;
  const int tx = thread % across, ty = thread / across;
  float* const of_a = shared + of_group * size_of_factors;
  float* const of_b = of_a + TileA::size;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * tile,
                     first_column = static_cast<std::int64_t>(blockIdx.y) * tile;
  const int shares = static_cast<int>(parts.count) * groups,
            steps = (k + depth * shares - 1) / (depth * shares),
            first = (static_cast<int>(part) * groups + of_group) * steps * depth;
  TileA next_a(a, matrix, first_row, m - first_row, first, thread);
  TileB next_b(b, matrix, first_column, n - first_column, first, thread);
  int left = k - first;
  float sum[side][side] = {};
  double total = 0;
  const bool sums_rows = a_by_rows && row_sums.to != nullptr && blockIdx.y == 0;
  next_a.read(left);
  next_b.read(left);
  for (int s = 0; s < steps; ++s) {
    next_a.put(of_a);
    next_b.put(of_b);
    __syncthreads();
    if (s + 1 < steps) {  // on their way while these are multiplied
      left -= depth;
      next_a.read(left);
      next_b.read(left);
    }
#pragma unroll 2  // more would need more registers than there are
    for (int d = 0; d < depth; d += pack) {
      const typename TileA::Operand x(of_a, d, ty);
      const typename TileB::Operand y(of_b, d, tx);
      for (int v = 0; v < pack; ++v)
        for (int i = 0; i < side; ++i)
          for (int j = 0; j < side; ++j) sum[i][j] += x.at(i, v) * y.at(j, v);
    }
    if (sums_rows && thread < tile) {
      for (int d = 0; d < depth; ++d) total += static_cast<double>(of_a[d * TileA::step + thread]);
    }
    __syncthreads();
  }
  float* const sums = shared + of_group * size_of_sums;
  for (int i = 0; i < side; ++i) {
    float* const row = sums + TileA::place(ty, i) * step;
    if constexpr (b_by_rows) {
      store(row + TileB::place(tx, 0), Pack<float>{sum[i][0], sum[i][1], sum[i][2], sum[i][3]});
    } else {
      for (int j = 0; j < side; ++j) row[TileB::place(tx, j)] = sum[i][j];
    }
  }
  if (sums_rows && thread < tile) totals[of_group][thread] = total;
  __syncthreads();
  // From here on a thread has a pack of the tile, and the first ones a row's sum.
  static_assert(tile * tile == pack * threads);
  const int element = pack * static_cast<int>(threadIdx.x), row = element / tile, column = element % tile;
  Pack<float> all = pack_at(shared + row * step + column);
  for (int g = 1; g < groups; ++g) add(all, pack_at(shared + g * size_of_sums + row * step + column));
  const bool has_row = sums_rows && threadIdx.x < tile;
  if (has_row) {
    total = 0;
    for (int g = 0; g < groups; ++g) total += totals[g][threadIdx.x];
  }
  if (parts.count > 1) {
    const unsigned number = (matrix * gridDim.x + blockIdx.x) * gridDim.y + blockIdx.y;
    float* const of_tile = parts.tiles + std::size_t{number} * parts.count * tile * tile + element;
    double* const of_rows = parts.totals + std::size_t{blockIdx.x} * parts.count * tile + threadIdx.x;
    store(of_tile + part * tile * tile, all);
    if (has_row) of_rows[part * tile] = total;
    if (!comes_last(parts.counters + number, parts.count)) return;
    all = {}, total = 0;
    for (unsigned p = 0; p < parts.count; ++p) {
      add(all, pack_at(of_tile + p * tile * tile));
      if (has_row) total += of_rows[p * tile];
    }
  }
  if (has_row && first_row + threadIdx.x < m) {
    float& to = row_sums.to[first_row + threadIdx.x];
    to = static_cast<float>(row_sums.accumulate ? static_cast<double>(to) + total : total);
  }
  if (first_row + row >= m || first_column + column >= n) return;
  const std::int64_t place = matrix * c.stride + (first_row + row) * c.leading + first_column + column;
  finish<packed>(c, addend, bias, place, first_column + column, n, all);
}

// Whether rows of `width` elements, `leading` apart, of all matrices go by packs.
bool is_aligned(const float* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }
bool goes_by_packs(const float* data, std::int64_t width, std::int64_t leading, std::int64_t count,
                   std::int64_t stride) {
  return is_aligned(data) && width % pack == 0 && leading % pack == 0 && (count == 1 || stride % pack == 0);
}
bool goes_by_packs(const Matrices<const float>& x, std::int64_t rows, std::int64_t columns,
                   std::int64_t count) {
  return goes_by_packs(x.data, x.transposed ? rows : columns, x.leading, count, x.stride);
}

}  // namespace

void tile_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const float>& a, const Matrices<const float>& b, const Matrices<float>& c,
                  const Addend<float>& addend, const float* bias, const RowSums& row_sums) {
  if (Observer* const observer = Observer::current())
    observer->product({count, a.transposed, b.transposed, m, n, k, addend.data != nullptr});
  const unsigned rows = blocks_of(m, tile), columns = blocks_of(n, tile);
  const std::int64_t tiles = count * rows * columns;
  if (tiles == 0) return;
  // About as many blocks as a large card has multiprocessors, each with two steps of its groups or more.
  constexpr std::int64_t blocks = 128, least = 128;
  Parts parts{static_cast<unsigned>(std::clamp<std::int64_t>(std::min(blocks / tiles, k / least), 1, 64))};
  Buffer sums, totals;
  if (parts.count > 1) {
    sums = Buffer(static_cast<std::size_t>(tiles) * parts.count * tile * tile * sizeof(float), Device::cuda);
    parts.tiles = static_cast<float*>(sums.data());
    parts.counters = counters(static_cast<std::size_t>(tiles));
    if (row_sums.to != nullptr) {
      totals = Buffer(std::size_t{rows} * parts.count * tile * sizeof(double), Device::cuda);
      parts.totals = static_cast<double*>(totals.data());
    }
  }
  const bool packed = goes_by_packs(a, m, k, count) && goes_by_packs(b, k, n, count) &&
                      goes_by_packs(c.data, n, c.leading, count, c.stride) && is_aligned(addend.data) &&
                      is_aligned(bias);
  const auto with = [&](auto all_packed) {
    constexpr bool by_packs = all_packed();
    return a.transposed   ? tile_product_kernel<true, true, by_packs>
           : b.transposed ? tile_product_kernel<false, false, by_packs>
                          : tile_product_kernel<false, true, by_packs>;
  };
  launch(packed ? with(std::true_type{}) : with(std::false_type{}),
         dim3(rows, columns, static_cast<unsigned>(count) * parts.count), threads, 0, m, n,
         static_cast<int>(k), a, b, c, addend, bias, row_sums, parts);
}

}  // namespace lockstep::cuda
