// Products a^T b with many rows and a small result.
#include "core/cuda/launch.h"
#include "core/cuda/tall_product.h"

namespace lockstep::cuda {

namespace {

constexpr int warps = 16, tile_rows = 16, tile_columns = 32;
constexpr int side = 4;  // a lane has (side, side) elements of the tile

// `count` of the next `side` elements, zeros beyond them. V at a time where they are aligned so.
template <int V, typename T>
__device__ void load(T (&to)[side], const T* from, std::int64_t count) {
  if (V > 1 && count >= side) {
    struct alignas(V * sizeof(T)) Pack {
      T values[V];
    };
    for (int i = 0; i < side; i += V) {
      const Pack pack = *reinterpret_cast<const Pack*>(from + i);
      for (int j = 0; j < V; ++j) to[i + j] = pack.values[j];
    }
  } else {
    for (int i = 0; i < side; ++i) to[i] = i < count ? from[i] : T(0);
  }
}

template <typename T, int V>
__global__ void __launch_bounds__(32 * warps)
    tall_product_kernel(std::int64_t m, std::int64_t n, std::int64_t k, Matrices<const T> a,
                        Matrices<const T> b, Matrices<T> c, bool accumulate) {
  __shared__ T sums[warps / 2][side * side][32];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * tile_rows + side * (lane / 8),
                     column = static_cast<std::int64_t>(blockIdx.x) * tile_columns + side * (lane % 8);
  const T* const from_a = a.data + blockIdx.z * a.stride + row;
  const T* const from_b = b.data + blockIdx.z * b.stride + column;
  T sum[side][side] = {};
#pragma unroll 4
  for (std::int64_t l = warp; l < k; l += warps) {
    T x[side], y[side];
    load<V>(x, from_a + l * a.leading, m - row);
    load<V>(y, from_b + l * b.leading, n - column);
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) sum[i][j] += x[i] * y[j];
  }
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
bool is_aligned(const Matrices<const T>& x, std::int64_t count, int elements) {
  return reinterpret_cast<std::uintptr_t>(x.data) % (static_cast<unsigned>(elements) * sizeof(T)) == 0 &&
         x.leading % elements == 0 && (count == 1 || x.stride % elements == 0);
}

unsigned tiles(std::int64_t size, std::int64_t tile) {
  return static_cast<unsigned>((size + tile - 1) / tile);
}

}  // namespace

bool is_tall(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t of_library = 64;  // rows and columns of the library's tiles, or fewer
  return k >= 256 && ((m + of_library - 1) / of_library) * ((n + of_library - 1) / of_library) < 132;
}

template <typename T>
void tall_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const T>& a, const Matrices<const T>& b, const Matrices<T>& c,
                  bool accumulate) {
  constexpr int together = 16 / sizeof(T);
  const bool aligned = is_aligned(a, count, together) && is_aligned(b, count, together);
  launch(aligned ? tall_product_kernel<T, together> : tall_product_kernel<T, 1>,
         dim3(tiles(n, tile_columns), tiles(m, tile_rows), static_cast<unsigned>(count)), 32 * warps, 0, m, n,
         k, a, b, c, accumulate);
}

template void tall_product(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           const Matrices<const float>&, const Matrices<const float>&, const Matrices<float>&,
                           bool);
template void tall_product(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                           const Matrices<const double>&, const Matrices<const double>&,
                           const Matrices<double>&, bool);

}  // namespace lockstep::cuda
