// The kernels of the fused ops over rows: GELU with its slope, weight gradients, cross entropy.
#include "core/cuda/column_sums.h"
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/pack.h"
#include "core/cuda/tile_product.h"
#include "core/strided.h"

namespace lockstep::cuda {

namespace {

constexpr unsigned warps = block_threads / 32;

__device__ std::int64_t row_of_warp() {
  return static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
}
__device__ int lane() { return static_cast<int>(threadIdx.x % 32); }

// `size` elements at once; n is a multiple of it.
template <Gelu form, int size, typename T>
__global__ void __launch_bounds__(block_threads) gelu_kernel(T* y, T* slope, const T* x, std::int64_t n) {
  constexpr UnaryOp value_op = form == Gelu::exact ? UnaryOp::gelu : UnaryOp::gelu_tanh;
  constexpr UnaryOp slope_op = form == Gelu::exact ? UnaryOp::gelu_slope : UnaryOp::gelu_tanh_slope;
  for (std::int64_t i = size * first_element(); i < n; i += size * all_threads()) {
    const auto at = pack_at<size>(x + i);  // slope may be x
    Pack<T, size> values, slopes;
    for (int e = 0; e < size; ++e) {
      values.values[e] = formula<value_op>(at.values[e], T(0), T(0));
      slopes.values[e] = formula<slope_op>(at.values[e], T(0), T(0));
    }
    store(y + i, values);
    store(slope + i, slopes);
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

void CudaKernels::gelu_and_slope(const Tensor& y, const Tensor& slope, const Tensor& x, Gelu form) const {
  const std::int64_t n = x.numel();
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    T *const to = on_device<T>(y), *const of_slope = on_device<T>(slope);
    const T* const from = on_device<T>(x);
    with_pack(
        n,
        [&](auto size) {
          launch(
              form == Gelu::exact ? gelu_kernel<Gelu::exact, size(), T> : gelu_kernel<Gelu::tanh, size(), T>,
              blocks_for(n / size()), block_threads, 0, to, of_slope, from, n);
        },
        to, of_slope, from);
  });
}

void CudaKernels::weight_gradient(const Target& dweight, const Target& dbias, const Tensor& dy,
                                  const Tensor& x) const {
  const std::int64_t m = dy.size(1), n = x.size(1), rows = dy.size(0);
  dispatch_real(dy.dtype(), [&](auto t) {
    using T = decltype(t);
    const MatrixLayout of_dy(transposed(dy)), of_x(x);
    if constexpr (std::is_same_v<T, float>) {
      if (dweight.wanted() && suits_tile_product<T>(1, m, n, rows) && of_dy.transposed && !of_x.transposed &&
          dweight.buffer.is_contiguous()) {
        T* const to = on_device<T>(dweight.buffer);
        Finish finish;
        if (dweight.accumulate) finish.addend = {1, to, 1};
        return tile_product(1, m, n, rows, {on_device<T>(dy), true, of_dy.leading, 0},
                            {on_device<T>(x), false, of_x.leading, 0}, {to, false, n, 0}, finish,
                            {dbias.wanted() ? on_device<T>(dbias.buffer) : nullptr, dbias.accumulate});
      }
    }
    if (dweight.wanted()) matmul(dweight.buffer, transposed(dy), x, dweight.accumulate, {});
    column_sums<T>(dbias, on_device<T>(dy), rows, m);
  });
}

void CudaKernels::cross_entropy(const Tensor& loss, const Tensor& lse, const Tensor& x, const Tensor& target,
                                std::int64_t ignore, double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(cross_entropy_kernel<T>, blocks_of(target.numel(), warps), block_threads, 0, on_device<T>(loss),
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
    launch(cross_entropy_backward_kernel<T>, blocks_of(target.numel(), warps), block_threads, 0,
           on_device<T>(dx), on_device<T>(dloss), dloss.rank() == 0 ? std::int64_t{0} : dloss.strides()[0],
           on_device<T>(x), on_device<T>(lse), on_device<std::int64_t>(target), target.numel(),
           x.shape().back(), ignore, static_cast<T>(smoothing));
  });
}

}  // namespace lockstep::cuda
