// Products a^T b with many rows and a small result.
#include "core/cuda/launch.h"
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

template <typename T, int V>
__global__ void __launch_bounds__(32 * warps)
    tall_product_kernel(std::int64_t m, std::int64_t n, std::int64_t k, Matrices<const T> a,
                        Matrices<const T> b, Matrices<T> c, bool accumulate, RowSums<T> row_sums) {
  // Rows of k whose elements are on their way at the same time, as many as registers allow: the sums
  // wait for memory more than for anything else.
  constexpr int ahead = 24 / sizeof(T);
  __shared__ T sums[warps / 2][side * side][32];
  __shared__ double of_warp[warps][tile_rows];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * tile_rows + side * (lane / 8),
                     column = static_cast<std::int64_t>(blockIdx.x) * tile_columns + side * (lane % 8);
  const Places<V> rows(row, m), columns(column, n);
  const T* const from_a = a.data + blockIdx.z * a.stride;
  const T* const from_b = b.data + blockIdx.z * b.stride;
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
  if (totals) {
    if (lane % 8 == 0) {
      for (int i = 0; i < side; ++i) of_warp[warp][side * (lane / 8) + i] = total[i];
    }
    __syncthreads();
    const std::int64_t mine = static_cast<std::int64_t>(blockIdx.y) * tile_rows + threadIdx.x;
    if (threadIdx.x < tile_rows && mine < m) {
      double all = row_sums.accumulate ? static_cast<double>(row_sums.to[mine]) : 0;
      for (int other = 0; other < warps; ++other) all += of_warp[other][threadIdx.x];
      row_sums.to[mine] = static_cast<T>(all);
    }
  }
  if (warp != 0) return;
  T* const to = c.data + blockIdx.z * c.stride + row * c.leading + column;
  for (int i = 0; i < side && row + i < m; ++i) {
    for (int j = 0; j < side && column + j < n; ++j) {
      T& element = to[i * c.leading + j];
      element = accumulate ? element + sum[i][j] : sum[i][j];
    }
  }
}

template <typename T>
bool is_aligned(const Matrices<const T>& x, std::int64_t width, std::int64_t count, int elements) {
  return width % elements == 0 &&
         reinterpret_cast<std::uintptr_t>(x.data) % (static_cast<unsigned>(elements) * sizeof(T)) == 0 &&
         x.leading % elements == 0 && (count == 1 || x.stride % elements == 0);
}

unsigned tiles(std::int64_t size, std::int64_t tile) {
  return static_cast<unsigned>((size + tile - 1) / tile);
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
  launch(aligned ? tall_product_kernel<T, together> : tall_product_kernel<T, 1>,
         dim3(tiles(n, tile_columns), tiles(m, tile_rows), static_cast<unsigned>(count)), 32 * warps, 0, m, n,
         k, a, b, c, accumulate, row_sums);
}

template void tall_product(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           const Matrices<const float>&, const Matrices<const float>&, const Matrices<float>&,
                           bool, const RowSums<float>&);
template void tall_product(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           const Matrices<const double>&, const Matrices<const double>&,
                           const Matrices<double>&, bool, const RowSums<double>&);

}  // namespace lockstep::cuda
