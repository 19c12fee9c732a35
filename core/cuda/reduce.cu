// Reductions over any set of dimensions, in double, so that f32 sums are rounded once; whole numbers in i64.
// A sum is always formed in the same order.
#include "core/cuda/column_sums.h"
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/strided.h"

namespace lockstep::cuda {

namespace {

template <typename T>
using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

template <ReduceOp op, typename A>
__device__ A combine(A a, A x) {
  if constexpr (op == ReduceOp::sum) return a + x;
  if constexpr (op == ReduceOp::max) return x > a || x != x ? x : a;  // NaN wins
  if constexpr (op == ReduceOp::min) return x < a || x != x ? x : a;
}
template <ReduceOp op, typename A>
__device__ A identity() {
  if constexpr (op == ReduceOp::sum) return 0;
  if constexpr (std::is_floating_point_v<A>) return op == ReduceOp::max ? -INFINITY : INFINITY;
  return op == ReduceOp::max ? INT64_MIN : INT64_MAX;
}

// Few elements to each result: a thread a result.
template <ReduceOp op, typename Y, typename T>
__global__ void __launch_bounds__(block_threads)
    reduce_by_threads(Y* y, const T* x, Strided<2> kept, std::int64_t results, Strided<1> reduced,
                      std::int64_t count) {
  using A = Accumulator<T>;
  for (std::int64_t i = first_element(); i < results; i += all_threads()) {
    const auto at = offsets(kept, i);
    A total = identity<op, A>();
    for (std::int64_t k = 0; k < count; ++k)
      total = combine<op>(total, static_cast<A>(x[at[1] + offsets(reduced, k)[0]]));
    y[at[0]] = static_cast<Y>(total);
  }
}

// Many: a block a result.
template <ReduceOp op, typename Y, typename T>
__global__ void __launch_bounds__(block_threads)
    reduce_by_blocks(Y* y, const T* x, Strided<2> kept, Strided<1> reduced, std::int64_t count) {
  using A = Accumulator<T>;
  __shared__ A of_warp[block_threads / 32];
  const auto at = offsets(kept, blockIdx.x);
  A total = identity<op, A>();
  for (std::int64_t k = threadIdx.x; k < count; k += block_threads)
    total = combine<op>(total, static_cast<A>(x[at[1] + offsets(reduced, k)[0]]));
  for (int bits = 16; bits > 0; bits /= 2) total = combine<op>(total, __shfl_xor_sync(~0u, total, bits));
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = total;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned warp = 1; warp < block_threads / 32; ++warp) total = combine<op>(total, of_warp[warp]);
  y[at[0]] = static_cast<Y>(total);
}

template <typename T>
__global__ void __launch_bounds__(block_threads)
    cumsum_kernel(T* y, const T* x, Strided<2> lines, std::int64_t n, std::int64_t count, std::int64_t y_step,
                  std::int64_t x_step) {
  for (std::int64_t line = first_element(); line < n; line += all_threads()) {
    const auto at = offsets(lines, line);
    double total = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      total += static_cast<double>(x[at[1] + i * x_step]);
      y[at[0] + i * y_step] = static_cast<T>(total);
    }
  }
}

template <ReduceOp op, typename Y, typename T>
void reduce_into(const Tensor& y, const Tensor& x) {
  constexpr std::int64_t many = 64;
  Dims kept = y.shape(), reduced = x.shape();
  for (int i = 0; i < x.rank(); ++i) (y.shape()[i] == x.shape()[i] ? reduced : kept)[i] = 1;
  const Tensor first_of_each = x.view(kept, x.strides(), x.offset()),
               of_first = x.view(reduced, x.strides(), x.offset());
  const Strided<2> results(kept, {&y, &first_of_each});
  const Strided<1> elements(reduced, {&of_first});
  const std::int64_t n = y.numel(), count = reduced.numel();
  if constexpr (op == ReduceOp::sum && std::is_floating_point_v<T>) {
    const bool is_matrix = results.rank == 1 && results.strides[0] == Strided<2>::Strides{1, 1} &&
                           elements.rank == 1 && elements.strides[0][0] == n;
    if (count >= many && is_matrix) return column_sums<T>({y, false}, on_device<T>(x), count, n);
  }
  if (count >= many && n <= INT32_MAX) {
    launch(reduce_by_blocks<op, Y, T>, static_cast<unsigned>(n), block_threads, 0, on_device<Y>(y),
           on_device<T>(x), results, elements, count);
  } else {
    launch(reduce_by_threads<op, Y, T>, blocks_for(n), block_threads, 0, on_device<Y>(y), on_device<T>(x),
           results, n, elements, count);
  }
}

}  // namespace

void CudaKernels::reduce(ReduceOp op, const Tensor& y, const Tensor& x) const {
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using Sum = std::conditional_t<std::is_same_v<T, std::uint8_t>, std::int64_t, T>;
    switch (op) {
      case ReduceOp::sum:
        return reduce_into<ReduceOp::sum, Sum, T>(y, x);
      case ReduceOp::max:
        return reduce_into<ReduceOp::max, T, T>(y, x);
      case ReduceOp::min:
        return reduce_into<ReduceOp::min, T, T>(y, x);
    }
  });
}

void CudaKernels::cumsum(const Tensor& y, const Tensor& x, int dim) const {
  const std::int64_t count = x.size(dim);
  Dims lines = x.shape();
  lines[dim] = count == 0 ? 0 : 1;
  const Tensor y_starts = y.view(lines, y.strides(), y.offset()),
               x_starts = x.view(lines, x.strides(), x.offset());
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(cumsum_kernel<T>, blocks_for(lines.numel()), block_threads, 0, on_device<T>(y), on_device<T>(x),
           Strided<2>(lines, {&y_starts, &x_starts}), lines.numel(), count, y.strides()[dim],
           x.strides()[dim]);
  });
}

}  // namespace lockstep::cuda
