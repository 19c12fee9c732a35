// The kernels of the fused ops over rows: layer norm, GELU with its slope, column sums, cross entropy. A warp
// takes a row.
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/cuda/tall_product.h"
#include "core/strided.h"

namespace lockstep::cuda {

namespace {

constexpr unsigned warps = block_threads / 32;
// Blocks of warps for so many rows.
unsigned blocks_for_rows(std::int64_t rows) { return static_cast<unsigned>((rows + warps - 1) / warps); }

__device__ std::int64_t row_of_warp() {
  return static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
}
std::int64_t rows_of(const Tensor& x) {
  const std::int64_t width = x.shape().back();
  return width == 0 ? 0 : x.numel() / width;
}
__device__ int lane() { return static_cast<int>(threadIdx.x % 32); }

template <typename T>
__global__ void __launch_bounds__(block_threads)
    layer_norm_kernel(T* y, T* means, T* rstds, const T* x, const T* weight, const T* bias, std::int64_t rows,
                      std::int64_t width, T eps) {
  const std::int64_t row = row_of_warp();
  if (row >= rows) return;
  const T* const in = x + row * width;
  T mean = 0, squares = 0;
  if (means != nullptr) {
    for (std::int64_t i = lane(); i < width; i += 32) mean += in[i];
    mean = sum_of_lanes(mean) / static_cast<T>(width);
  }
  for (std::int64_t i = lane(); i < width; i += 32) squares += (in[i] - mean) * (in[i] - mean);
  const T rstd = T(1) / std::sqrt(sum_of_lanes(squares) / static_cast<T>(width) + eps);
  for (std::int64_t i = lane(); i < width; i += 32) {
    T v = (in[i] - mean) * rstd;
    if (weight != nullptr) v *= weight[i];
    if (bias != nullptr) v += bias[i];
    y[row * width + i] = v;
  }
  if (lane() != 0) return;
  if (means != nullptr) means[row] = mean;
  rstds[row] = rstd;
}

// The rows of layer norm's input, normalized: (x - mean) rstd. Without x: none.
template <typename T>
struct Normalized {
  const T *x, *means, *rstds;
  __device__ T operator()(std::int64_t at, std::int64_t row) const {
    const T mean = means != nullptr ? means[row] : T(0);
    return (x[at] - mean) * rstds[row];
  }
};

// With n = (x - mean) rstd and g = dy weight: dx = rstd (g - mean(g) - n mean(g n)), without mean(g) in an
// RMS norm. Of one row, by a warp.
template <typename T>
struct LayerNormDx {
  T* dx;
  bool accumulate;
  const T* weight;
  auto fields() const { return std::tie(dx, accumulate, weight); }

  __device__ void operator()(const T* dy, const Normalized<T>& n, std::int64_t row,
                             std::int64_t width) const {
    const auto g = [&](std::int64_t i) {
      return weight != nullptr ? dy[row * width + i] * weight[i] : dy[row * width + i];
    };
    T sum = 0, product = 0;
    for (std::int64_t i = lane(); i < width; i += 32) {
      sum += g(i);
      product += g(i) * n(row * width + i, row);
    }
    sum = n.means != nullptr ? sum_of_lanes(sum) / static_cast<T>(width) : T(0);
    product = sum_of_lanes(product) / static_cast<T>(width);
    for (std::int64_t i = lane(); i < width; i += 32) {
      const T d = n.rstds[row] * (g(i) - sum - n(row * width + i, row) * product);
      T& to = dx[row * width + i];
      to = accumulate ? to + d : d;
    }
  }
};

// plain[column] (+)= the sum of dy over rows, products[column] (+)= that of dy normalized, formed in f64;
// null: not wanted. A block takes 8 columns; a warp takes 4 rows of them at a time.
constexpr int columns_of_block = 8, warps_of_block = 32, rows_at_once = 4 * warps_of_block;
template <typename T>
struct ColumnSums {
  T *plain, *products;
  bool add_plain, add_products;

  ColumnSums(const Target& plain_target, const Target& products_target)
      : plain(plain_target.wanted() ? on_device<T>(plain_target.buffer) : nullptr),
        products(products_target.wanted() ? on_device<T>(products_target.buffer) : nullptr),
        add_plain(plain_target.accumulate),
        add_products(products_target.accumulate) {}
  auto fields() const { return std::tie(plain, products, add_plain, add_products); }

  std::int64_t blocks(std::int64_t columns) const {
    return plain == nullptr && products == nullptr ? 0 : (columns + columns_of_block - 1) / columns_of_block;
  }

  __device__ void operator()(std::int64_t block, const T* dy, const Normalized<T>& normalized,
                             std::int64_t rows, std::int64_t columns) const {
    __shared__ double of_warp[2][warps_of_block][columns_of_block + 1];
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const std::int64_t column = block * columns_of_block + lane() % columns_of_block;
    double sum = 0, product = 0;
    if (column < columns) {
#pragma unroll 8
      for (std::int64_t row = 4 * warp + lane() / columns_of_block; row < rows; row += rows_at_once) {
        const std::int64_t at = row * columns + column;
        sum += static_cast<double>(dy[at]);
        if (products != nullptr) product += static_cast<double>(dy[at] * normalized(at, row));
      }
    }
    for (int bits = columns_of_block; bits < 32; bits *= 2) {
      sum += __shfl_xor_sync(~0u, sum, bits);
      product += __shfl_xor_sync(~0u, product, bits);
    }
    if (lane() < columns_of_block) {
      of_warp[0][warp][lane()] = sum;
      of_warp[1][warp][lane()] = product;
    }
    __syncthreads();
    // Now a warp for each column of each sum.
    const int which = warp / columns_of_block, mine = warp % columns_of_block;
    T* const to = which == 0 ? plain : which == 1 ? products : nullptr;
    const std::int64_t at = block * columns_of_block + mine;
    if (to == nullptr || at >= columns) return;
    const double total = sum_of_lanes(of_warp[which][lane()][mine]);
    if (lane() != 0) return;
    const bool add = which == 0 ? add_plain : add_products;
    to[at] = static_cast<T>(add ? static_cast<double>(to[at]) + total : total);
  }
};

template <typename T>
__global__ void __launch_bounds__(32 * warps_of_block)
    column_sums_kernel(ColumnSums<T> sums, const T* dy, std::int64_t rows, std::int64_t columns) {
  sums(blockIdx.x, dy, {}, rows, columns);
}

// The first blocks form the weights' gradients, the others that of x.
template <typename T>
__global__ void __launch_bounds__(32 * warps_of_block)
    layer_norm_backward_kernel(LayerNormDx<T> dx, ColumnSums<T> sums, std::int64_t blocks_of_sums,
                               const T* dy, Normalized<T> normalized, std::int64_t rows, std::int64_t width) {
  if (blockIdx.x < blocks_of_sums) return sums(blockIdx.x, dy, normalized, rows, width);
  const std::int64_t row = (blockIdx.x - blocks_of_sums) * warps_of_block + threadIdx.x / 32;
  if (row < rows) dx(dy, normalized, row, width);
}

template <Gelu form, typename T>
__global__ void __launch_bounds__(block_threads) gelu_kernel(T* y, T* slope, const T* x, std::int64_t n) {
  constexpr UnaryOp value_op = form == Gelu::exact ? UnaryOp::gelu : UnaryOp::gelu_tanh;
  constexpr UnaryOp slope_op = form == Gelu::exact ? UnaryOp::gelu_slope : UnaryOp::gelu_tanh_slope;
  for (std::int64_t i = first_element(); i < n; i += all_threads()) {
    const T at = x[i];  // slope may be x
    y[i] = formula<value_op>(at, T(0), T(0));
    slope[i] = formula<slope_op>(at, T(0), T(0));
  }
}

template <typename T>
__global__ void __launch_bounds__(block_threads)
    cross_entropy_kernel(T* losses, T* lses, const T* x, const std::int64_t* targets, std::int64_t rows,
                         std::int64_t classes, std::int64_t ignore, T smoothing) {
  const std::int64_t row = row_of_warp();
  if (row >= rows) return;
  const std::int64_t target = targets[row];
  if (target == ignore) {
    if (lane() == 0) losses[row] = lses[row] = 0;
    return;
  }
  const T* const in = x + row * classes;
  T most = -INFINITY, total = 0, plain = 0;
  for (std::int64_t i = lane(); i < classes; i += 32) most = in[i] > most ? in[i] : most;
  most = max_of_lanes(most);
  for (std::int64_t i = lane(); i < classes; i += 32) {
    total += std::exp(in[i] - most);
    plain += in[i];
  }
  total = sum_of_lanes(total);
  plain = sum_of_lanes(plain);
  if (lane() != 0) return;
  const T lse = most + std::log(total);
  const T wanted = target >= 0 && target < classes ? in[target] : T(0);  // check_range reports the others
  lses[row] = lse;
  losses[row] =
      lse - wanted + (smoothing != 0 ? smoothing * (wanted - plain / static_cast<T>(classes)) : T(0));
}

template <typename T>
__global__ void __launch_bounds__(block_threads)
    mean_of_counted_kernel(T* mean, T* share, const T* losses, const std::int64_t* targets, std::int64_t rows,
                           std::int64_t ignore) {
  __shared__ double sums[warps];
  __shared__ std::int64_t counts[warps];
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t row = threadIdx.x; row < rows; row += block_threads) {
    sum += static_cast<double>(losses[row]);
    count += targets[row] != ignore;
  }
  sum = sum_of_lanes(sum);
  count = sum_of_lanes(count);
  if (lane() == 0) sums[threadIdx.x / 32] = sum, counts[threadIdx.x / 32] = count;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned warp = 1; warp < warps; ++warp) sum += sums[warp], count += counts[warp];
  *share = static_cast<T>(1 / static_cast<double>(count));
  *mean = static_cast<T>(sum) * *share;
}

template <typename T>
__global__ void __launch_bounds__(block_threads)
    cross_entropy_backward_kernel(T* dx, const T* dloss, std::int64_t dloss_step, const T* x, const T* lses,
                                  const std::int64_t* targets, std::int64_t rows, std::int64_t classes,
                                  std::int64_t ignore, T smoothing) {
  const std::int64_t row = row_of_warp();
  if (row >= rows) return;
  const std::int64_t target = targets[row];
  const T scale = target == ignore ? T(0) : dloss[row * dloss_step], lse = lses[row];
  for (std::int64_t i = lane(); i < classes; i += 32) {
    const std::int64_t at = row * classes + i;
    const T share = (i == target ? T(1) - smoothing : T(0)) + smoothing / static_cast<T>(classes);
    dx[at] = target == ignore ? T(0) : scale * (std::exp(x[at] - lse) - share);
  }
}

}  // namespace

void CudaKernels::layer_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                             const Tensor& weight, const Tensor& bias, double eps) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(layer_norm_kernel<T>, blocks_for_rows(rows_of(x)), block_threads, 0, on_device<T>(y),
           on_device<T>(mean), on_device<T>(rstd), on_device<T>(x), on_device<T>(weight), on_device<T>(bias),
           rows_of(x), x.shape().back(), static_cast<T>(eps));
  });
}

void CudaKernels::layer_norm_backward(const Target& dx, const Target& dweight, const Target& dbias,
                                      const Tensor& dy, const Tensor& x, const Tensor& mean,
                                      const Tensor& rstd, const Tensor& weight) const {
  const std::int64_t rows = rows_of(x), width = x.shape().back();
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const ColumnSums<T> sums(dbias, dweight);
    const std::int64_t blocks_of_sums = sums.blocks(width),
                       blocks_of_rows = dx.wanted() ? (rows + warps_of_block - 1) / warps_of_block : 0;
    launch(
        layer_norm_backward_kernel<T>, static_cast<unsigned>(blocks_of_sums + blocks_of_rows),
        32 * warps_of_block, 0,
        LayerNormDx<T>{dx.wanted() ? on_device<T>(dx.buffer) : nullptr, dx.accumulate, on_device<T>(weight)},
        sums, blocks_of_sums, on_device<T>(dy),
        Normalized<T>{on_device<T>(x), on_device<T>(mean), on_device<T>(rstd)}, rows, width);
  });
}

void CudaKernels::gelu_and_slope(const Tensor& y, const Tensor& slope, const Tensor& x, Gelu form) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(form == Gelu::exact ? gelu_kernel<Gelu::exact, T> : gelu_kernel<Gelu::tanh, T>,
           blocks_for(x.numel()), block_threads, 0, on_device<T>(y), on_device<T>(slope), on_device<T>(x),
           x.numel());
  });
}

void CudaKernels::weight_gradient(const Target& dweight, const Target& dbias, const Tensor& dy,
                                  const Tensor& x) const {
  const std::int64_t m = dy.size(1), n = x.size(1), rows = dy.size(0);
  dispatch_real(dy.dtype(), [&](auto t) {
    using T = decltype(t);
    const MatrixLayout of_dy(transposed(dy)), of_x(x);
    if (dweight.wanted() && is_tall<T>(m, n, rows) && of_dy.transposed && !of_x.transposed &&
        dweight.buffer.is_contiguous()) {
      return tall_product<T>(1, m, n, rows, {on_device<T>(dy), true, of_dy.leading, 0},
                             {on_device<T>(x), false, of_x.leading, 0},
                             {on_device<T>(dweight.buffer), false, n, 0}, dweight.accumulate,
                             {dbias.wanted() ? on_device<T>(dbias.buffer) : nullptr, dbias.accumulate});
    }
    if (dweight.wanted()) matmul(dweight.buffer, transposed(dy), x, dweight.accumulate, {});
    const ColumnSums<T> sums(dbias, {});
    launch(column_sums_kernel<T>, static_cast<unsigned>(sums.blocks(m)), 32 * warps_of_block, 0, sums,
           on_device<T>(dy), rows, m);
  });
}

void CudaKernels::cross_entropy(const Tensor& loss, const Tensor& lse, const Tensor& x, const Tensor& target,
                                std::int64_t ignore, double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(cross_entropy_kernel<T>, blocks_for_rows(target.numel()), block_threads, 0, on_device<T>(loss),
           on_device<T>(lse), on_device<T>(x), on_device<std::int64_t>(target), target.numel(),
           x.shape().back(), ignore, static_cast<T>(smoothing));
  });
}

void CudaKernels::mean_of_counted(const Tensor& mean, const Tensor& share, const Tensor& loss,
                                  const Tensor& target, std::int64_t ignore) const {
  dispatch_real(loss.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(mean_of_counted_kernel<T>, 1, block_threads, 0, on_device<T>(mean), on_device<T>(share),
           on_device<T>(loss), on_device<std::int64_t>(target), target.numel(), ignore);
  });
}

void CudaKernels::cross_entropy_backward(const Tensor& dx, const Tensor& dloss, const Tensor& x,
                                         const Tensor& lse, const Tensor& target, std::int64_t ignore,
                                         double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(cross_entropy_backward_kernel<T>, blocks_for_rows(target.numel()), block_threads, 0,
           on_device<T>(dx), on_device<T>(dloss), dloss.rank() == 0 ? std::int64_t{0} : dloss.strides()[0],
           on_device<T>(x), on_device<T>(lse), on_device<std::int64_t>(target), target.numel(),
           x.shape().back(), ignore, static_cast<T>(smoothing));
  });
}

}  // namespace lockstep::cuda
