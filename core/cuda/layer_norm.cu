// Layer norm and RMS norm. Neighbouring threads share a row.
#include "core/cuda/column_sums.h"
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/pack.h"

namespace lockstep::cuda {

namespace {

std::int64_t rows_of(const Tensor& x) {
  const std::int64_t width = x.shape().back();
  return width == 0 ? 0 : x.numel() / width;
}

// The threads that share a row of layer norm: as many neighbours as it has packs, a power of two, a warp at
// most. Those of rows beyond the last take part in sums and store nothing.
struct RowThreads {
  int count;
  auto fields() const { return std::tie(count); }

  RowThreads(std::int64_t width, int size) : count(1) {
    while (count < 32 && count * size < width) count *= 2;
  }
  std::int64_t rows_of(unsigned threads) const { return static_cast<std::int64_t>(threads) / count; }
  __device__ std::int64_t row(std::int64_t first_thread) const {
    return (first_thread + threadIdx.x) / count;
  }
  __device__ int mine() const { return static_cast<int>(threadIdx.x) % count; }
  template <typename T>
  __device__ T sum(T x) const {
    for (int bits = count / 2; bits > 0; bits /= 2) x += __shfl_xor_sync(~0u, x, bits);
    return x;
  }
};

template <int size, typename T>
__global__ void __launch_bounds__(block_threads)
    layer_norm_kernel(RowThreads threads, T* y, T* means, T* rstds, const T* x, const T* weight,
                      const T* bias, std::int64_t rows, std::int64_t width, T eps) {
  const std::int64_t mine = threads.row(static_cast<std::int64_t>(blockIdx.x) * block_threads);
  const std::int64_t row = mine < rows ? mine : rows - 1;
  const std::int64_t first = size * threads.mine(), step = size * threads.count;
  const T* const in = x + row * width;
  T mean = 0, squares = 0;
  if (means != nullptr) {
    for (std::int64_t i = first; i < width; i += step)
      for (const T v : pack_at<size>(in + i).values) mean += v;
    mean = threads.sum(mean) / static_cast<T>(width);
  }
  for (std::int64_t i = first; i < width; i += step)
    for (const T v : pack_at<size>(in + i).values) squares += (v - mean) * (v - mean);
  const T rstd = T(1) / std::sqrt(threads.sum(squares) / static_cast<T>(width) + eps);
  if (mine >= rows) return;
  for (std::int64_t i = first; i < width; i += step) {
    Pack<T, size> v = pack_at<size>(in + i);
    for (T& element : v.values) element = (element - mean) * rstd;
    if (weight != nullptr) {
      const auto factor = pack_at<size>(weight + i);
      for (int e = 0; e < size; ++e) v.values[e] *= factor.values[e];
    }
    if (bias != nullptr) {
      const auto addend = pack_at<size>(bias + i);
      for (int e = 0; e < size; ++e) v.values[e] += addend.values[e];
    }
    store(y + row * width + i, v);
  }
  if (first != 0) return;
  if (means != nullptr) means[row] = mean;
  rstds[row] = rstd;
}

// The rows of layer norm's input, normalized: (x - mean) rstd. Without x: none.
template <typename T>
struct Normalized {
  const T *x, *means, *rstds;
  template <int size>
  __device__ Pack<T, size> pack(std::int64_t at, std::int64_t row) const {
    const T mean = means != nullptr ? means[row] : T(0), rstd = rstds[row];
    Pack<T, size> n = pack_at<size>(x + at);
    for (T& element : n.values) element = (element - mean) * rstd;
    return n;
  }
  __device__ T operator()(std::int64_t at, std::int64_t row) const { return pack<1>(at, row).values[0]; }
};

// With n = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - n mean(g n)), without mean(g) in an
// RMS norm.
template <int size, typename T>
struct LayerNormDx {
  T* dx;
  bool accumulate;
  const T* weight;
  RowThreads threads;
  auto fields() const { return std::tie(dx, accumulate, weight, threads); }

  __device__ Pack<T, size> g(const T* dy, std::int64_t at, std::int64_t column) const {
    Pack<T, size> g = pack_at<size>(dy + at);
    if (weight != nullptr) {
      const auto factor = pack_at<size>(weight + column);
      for (int e = 0; e < size; ++e) g.values[e] *= factor.values[e];
    }
    return g;
  }

  // Of one row.
  __device__ void operator()(const T* dy, const Normalized<T>& normalized, std::int64_t mine,
                             std::int64_t rows, std::int64_t width) const {
    const std::int64_t row = mine < rows ? mine : rows - 1, begin = row * width;
    const std::int64_t first = size * threads.mine(), step = size * threads.count;
    T sum = 0, product = 0;
    for (std::int64_t i = first; i < width; i += step) {
      const auto of_g = g(dy, begin + i, i);
      const auto n = normalized.template pack<size>(begin + i, row);
      for (int e = 0; e < size; ++e) {
        sum += of_g.values[e];
        product += of_g.values[e] * n.values[e];
      }
    }
    sum = normalized.means != nullptr ? threads.sum(sum) / static_cast<T>(width) : T(0);
    product = threads.sum(product) / static_cast<T>(width);
    if (mine >= rows) return;
    for (std::int64_t i = first; i < width; i += step) {
      const auto of_g = g(dy, begin + i, i);
      const auto n = normalized.template pack<size>(begin + i, row);
      Pack<T, size> d = {};
      if (accumulate) d = pack_at<size>(dx + begin + i);
      for (int e = 0; e < size; ++e)
        d.values[e] += normalized.rstds[row] * (of_g.values[e] - sum - n.values[e] * product);
      store(dx + begin + i, d);
    }
  }
};

// The first blocks form the weights' gradients, the others that of x.
template <int size, typename T>
__global__ void __launch_bounds__(ColumnSums<T>::threads, 4)
    layer_norm_backward_kernel(LayerNormDx<size, T> dx, ColumnSums<T> sums, const T* dy,
                               Normalized<T> normalized, std::int64_t rows, std::int64_t width) {
  if (blockIdx.x < sums.blocks()) return sums(blockIdx.x, dy, normalized, rows, width);
  dx(dy, normalized, dx.threads.row((blockIdx.x - sums.blocks()) * ColumnSums<T>::threads), rows, width);
}

}  // namespace

void CudaKernels::layer_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                             const Tensor& weight, const Tensor& bias, double eps) const {
  const std::int64_t rows = rows_of(x), width = x.shape().back();
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    T *const to = on_device<T>(y), *const from = on_device<T>(x), *const factors = on_device<T>(weight),
             *const addends = on_device<T>(bias);
    with_pack(
        width,
        [&](auto size) {
          const RowThreads threads(width, size());
          launch(layer_norm_kernel<size(), T>, blocks_of(rows, threads.rows_of(block_threads)), block_threads,
                 0, threads, to, on_device<T>(mean), on_device<T>(rstd), from, factors, addends, rows, width,
                 static_cast<T>(eps));
        },
        to, from, factors, addends);
  });
}

void CudaKernels::layer_norm_backward(const Target& dx, const Target& dweight, const Target& dbias,
                                      const Tensor& dy, const Tensor& x, const Tensor& mean,
                                      const Tensor& rstd, const Tensor& weight) const {
  const std::int64_t rows = rows_of(x), width = x.shape().back();
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    Buffer room;
    const ColumnSums<T> sums(dbias, dweight, rows, width, room);
    T* const to = dx.wanted() ? on_device<T>(dx.buffer) : nullptr;
    const T *const from = on_device<T>(dy), *const factors = on_device<T>(weight);
    const Normalized<T> normalized{on_device<T>(x), on_device<T>(mean), on_device<T>(rstd)};
    with_pack(
        width,
        [&](auto size) {
          const RowThreads threads(width, size());
          const unsigned blocks_of_rows =
              dx.wanted() ? blocks_of(rows, threads.rows_of(ColumnSums<T>::threads)) : 0;
          launch(layer_norm_backward_kernel<size(), T>, sums.blocks() + blocks_of_rows,
                 ColumnSums<T>::threads, 0, LayerNormDx<size(), T>{to, dx.accumulate, factors, threads}, sums,
                 from, normalized, rows, width);
        },
        to, from, factors, normalized.x);
  });
}

}  // namespace lockstep::cuda
