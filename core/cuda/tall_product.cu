// Products a^T b with many rows and a small result.
#include <algorithm>

#include "core/cuda/launch.h"
#include "core/cuda/memory.h"
#include "core/cuda/pack.h"
#include "core/cuda/tall_product.h"
#include "core/runtime/observer.h"

namespace lockstep::cuda {

namespace {

constexpr int warps = 16, tile_rows = 16, tile_columns = 32;
constexpr int side = 4;  // a lane has (side, side) elements of the tile

// The places of a lane's `side` elements from `first` on, in groups of V that are read at once. Beyond `size`
// they are those of the last ones: what comes of them is not stored.
template <int V>
struct Places {
  std::int64_t at[side / V];
  __device__ Places(std::int64_t first, std::int64_t size) {
    for (int i = 0; i < side / V; ++i) at[i] = first + i * V < size - V ? first + i * V : size - V;
  }
};

template <int V, typename T>
__device__ void load(T (&to)[side], const T* from, const Places<V>& places) {
  for (int i = 0; i < side; i += V) {
    const Pack<T, V> pack = pack_at<V>(from + places.at[i / V]);
    for (int j = 0; j < V; ++j) to[i + j] = pack.values[j];
  }
}

// Where the blocks that share a tile leave their sums, each of its part of k's rows, and the counter of a
// tile.
template <typename T>
struct Parts {
  unsigned count;  // 1: one block has all rows
  T* tiles;        // (tiles, count, 16, 32): element i of a lane
  double* totals;  // (rows of tiles, count, tile_rows)
  unsigned* counters;
  auto fields() const { return std::tie(count, tiles, totals, counters); }
};

template <typename T, int V>
__global__ void __launch_bounds__(32 * warps)
    tall_product_kernel(std::int64_t m, std::int64_t n, std::int64_t k, Matrices<const T> a,
                        Matrices<const T> b, Matrices<T> c, bool accumulate, RowSums<T> row_sums,
                        Parts<T> parts) {
  // Rows of k whose elements are on their way at the same time, as many as registers allow: the sums
  // wait for memory more than for anything else.
  constexpr int ahead = sizeof(T) == 4 ? 6 : V == 1 ? 2 : 3;
  __shared__ T sums[warps / 2][side * side][32];
  __shared__ double of_warp[warps][tile_rows];
  const unsigned matrix = blockIdx.z / parts.count, part = blockIdx.z % parts.count;
  const std::int64_t rows_of_part = (k + parts.count - 1) / parts.count, first = part * rows_of_part;
  k = k - first < rows_of_part ? k - first : rows_of_part;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * tile_rows + side * (lane / 8),
                     column = static_cast<std::int64_t>(blockIdx.x) * tile_columns + side * (lane % 8);
  const Places<V> rows(row, m), columns(column, n);
  const T* const from_a = a.data + matrix * a.stride + first * a.leading;
  const T* const from_b = b.data + matrix * b.stride + first * b.leading;
  T sum[side][side] = {};
  double total[side] = {};
  const bool totals = row_sums.to != nullptr && blockIdx.x == 0;
  const std::int64_t step_a = warps * a.leading, step_b = warps * b.leading;
  const T *row_a = from_a + warp * a.leading, *row_b = from_b + warp * b.leading;
  // The next rows of this warp, of which so many are left.
  const auto add_rows = [&](auto all, std::int64_t left) {
    T x[ahead][side] = {}, y[ahead][side] = {};
    for (int i = 0; i < ahead; ++i, row_a += step_a, row_b += step_b) {
      if (!all && i >= left) continue;
      load<V>(x[i], row_a, rows);
      load<V>(y[i], row_b, columns);
    }
    for (int l = 0; l < ahead; ++l) {
      for (int i = 0; i < side; ++i)
        for (int j = 0; j < side; ++j) sum[i][j] += x[l][i] * y[l][j];
      if (totals)
        for (int i = 0; i < side; ++i) total[i] += static_cast<double>(x[l][i]);
    }
  };
  std::int64_t left = (k - warp + warps - 1) / warps;
  for (; left >= ahead; left -= ahead) add_rows(std::true_type{}, left);
  if (left > 0) add_rows(std::false_type{}, left);
  for (int half = warps / 2; half > 0; half /= 2) {
    if (warp >= half && warp < 2 * half) {
      for (int i = 0; i < side * side; ++i) sums[warp - half][i][lane] = sum[i / side][i % side];
    }
    __syncthreads();
    if (warp < half) {
      for (int i = 0; i < side * side; ++i) sum[i / side][i % side] += sums[warp][i][lane];
    }
    __syncthreads();
  }
  const unsigned tile = (matrix * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const auto sum_of = [&](std::int64_t number) -> T& {  // of a part, element threadIdx.x
    return parts.tiles[(tile * parts.count + number) * tile_rows * tile_columns + threadIdx.x];
  };
  const auto total_of = [&](std::int64_t number) -> double& {
    return parts.totals[(blockIdx.y * parts.count + number) * tile_rows + threadIdx.x];
  };
  if (totals && lane % 8 == 0) {
    for (int i = 0; i < side; ++i) of_warp[warp][side * (lane / 8) + i] = total[i];
  }
  // From here on a thread has an element of the tile, and the first ones a row's sum.
  if (warp == 0) {
    for (int i = 0; i < side * side; ++i) sums[0][i][lane] = sum[i / side][i % side];
  }
  __syncthreads();
  T element = sums[0][warp][lane];
  double of_row = 0;
  const bool has_row = totals && threadIdx.x < tile_rows;
  if (has_row) {
    for (int other = 0; other < warps; ++other) of_row += of_warp[other][threadIdx.x];
  }
  if (parts.count > 1) {
    sum_of(part) = element;
    if (has_row) total_of(part) = of_row;
    if (!comes_last(parts.counters + tile, parts.count)) return;
    element = 0, of_row = 0;
    for (unsigned number = 0; number < parts.count; ++number) {
      element += sum_of(number);
      if (has_row) of_row += total_of(number);
    }
  }
  const std::int64_t of_thread = static_cast<std::int64_t>(blockIdx.y) * tile_rows + threadIdx.x;
  if (has_row && of_thread < m) {
    T& to = row_sums.to[of_thread];
    to = static_cast<T>(row_sums.accumulate ? static_cast<double>(to) + of_row : of_row);
  }
  const std::int64_t to_row = row + warp / side, to_column = column + warp % side;
  if (to_row >= m || to_column >= n) return;
  T& to = c.data[matrix * c.stride + to_row * c.leading + to_column];
  to = accumulate ? to + element : element;
}

// Into how many parts k's rows are cut: so that there are about as many blocks as a large card has
// multiprocessors, each with a batch of rows or two for every warp.
unsigned parts_of(std::int64_t tiles, std::int64_t k) {
  constexpr std::int64_t blocks = 128, least_rows = 192;
  return static_cast<unsigned>(std::clamp<std::int64_t>(std::min(blocks / tiles, k / least_rows), 1, 64));
}

template <typename T>
bool is_aligned(const Matrices<const T>& x, std::int64_t width, std::int64_t count, int elements) {
  return width % elements == 0 &&
         reinterpret_cast<std::uintptr_t>(x.data) % (static_cast<unsigned>(elements) * sizeof(T)) == 0 &&
         x.leading % elements == 0 && (count == 1 || x.stride % elements == 0);
}

}  // namespace

template <typename T>
void tall_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<T>& c,
                  bool accumulate, const RowSums<T>& row_sums) {
  if (Observer* const observer = Observer::current())
    observer->product({count, true, false, m, n, k, accumulate});
  constexpr int together = pack_size<T>;
  const bool aligned = is_aligned(a, m, count, together) && is_aligned(b, n, count, together);
  const unsigned columns = blocks_of(n, tile_columns), rows = blocks_of(m, tile_rows);
  const std::int64_t tiles = count * columns * rows;
  if (tiles == 0) return;
  Parts<T> parts{parts_of(tiles, k), nullptr, nullptr, nullptr};
  const std::size_t of_tiles = static_cast<std::size_t>(tiles) * parts.count * tile_rows * tile_columns,
                    of_rows = std::size_t{rows} * parts.count * tile_rows;
  Buffer sums, totals;
  if (parts.count > 1) {
    sums = Buffer(of_tiles * sizeof(T), Device::cuda),
    totals = Buffer(of_rows * sizeof(double), Device::cuda);
    parts.tiles = static_cast<T*>(sums.data()), parts.totals = static_cast<double*>(totals.data());
    parts.counters = counters(static_cast<std::size_t>(tiles));
  }
  launch(aligned ? tall_product_kernel<T, together> : tall_product_kernel<T, 1>,
         dim3(columns, rows, static_cast<unsigned>(count) * parts.count), 32 * warps, 0, m, n, k, a, b, c,
         accumulate, row_sums, parts);
}

template void tall_product(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           const Matrices<const float>&, const Matrices<const float>&, const Matrices<float>&,
                           bool, const RowSums<float>&);
template void tall_product(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           const Matrices<const double>&, const Matrices<const double>&,
                           const Matrices<double>&, bool, const RowSums<double>&);

}  // namespace lockstep::cuda
