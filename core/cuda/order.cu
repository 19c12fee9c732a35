// Where the largest and smallest elements are, and the order of all.
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/strided.h"

namespace lockstep::cuda {

namespace {

// Ascending, NaN last.
template <typename T>
__device__ bool before(T a, T b) {
  return a < b || (a == a && b != b);
}

// Lines along one dimension of x, and of y, which has as many.
struct Lines {
  Strided<2> starts;  // of y and x
  std::int64_t count, size, y_step, x_step;
  auto fields() const { return std::tie(starts, count, size, y_step, x_step); }
};

template <typename T>
__global__ void __launch_bounds__(block_threads)
    arg_extreme_kernel(std::int64_t* y, const T* x, Lines lines, bool largest) {
  for (std::int64_t line = first_element(); line < lines.count; line += all_threads()) {
    const auto at = offsets(lines.starts, line);
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < lines.size; ++i) {
      const T value = x[at[1] + i * lines.x_step], so_far = x[at[1] + best * lines.x_step];
      // NaN wins in either direction.
      const bool better =
          largest ? before(so_far, value) : value < so_far || (value != value && so_far == so_far);
      if (better) best = i;
    }
    y[at[0]] = best;
  }
}

// A thread an element: it counts those that stand before its own, which are its place.
template <typename T>
__global__ void __launch_bounds__(block_threads)
    argsort_kernel(std::int64_t* y, const T* x, Lines lines, bool descending) {
  for (std::int64_t n = first_element(); n < lines.count * lines.size; n += all_threads()) {
    const auto at = offsets(lines.starts, n / lines.size);
    const std::int64_t mine = n % lines.size;
    const T value = x[at[1] + mine * lines.x_step];
    std::int64_t place = 0;
    for (std::int64_t i = 0; i < lines.size; ++i) {
      const T other = x[at[1] + i * lines.x_step];
      const bool first = descending ? before(value, other) : before(other, value);
      const bool later = descending ? before(other, value) : before(value, other);
      place += first || (!later && i < mine) ? 1 : 0;
    }
    y[at[0] + place * lines.y_step] = mine;
  }
}

Lines lines_of(const Tensor& y, const Tensor& x, int dim) {
  Dims shape = x.shape();
  shape[dim] = x.size(dim) == 0 ? 0 : 1;
  const Tensor to = y.view(shape, y.strides(), y.offset()), from = x.view(shape, x.strides(), x.offset());
  return {Strided<2>(shape, {&to, &from}), shape.numel(), x.size(dim), y.strides()[dim], x.strides()[dim]};
}

}  // namespace

void CudaKernels::arg_extreme(const Tensor& y, const Tensor& x, int dim, bool largest) const {
  const Lines lines = lines_of(y, x, dim);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(arg_extreme_kernel<T>, blocks_for(lines.count), block_threads, 0, on_device<std::int64_t>(y),
           on_device<T>(x), lines, largest);
  });
}

void CudaKernels::argsort(const Tensor& y, const Tensor& x, int dim, bool descending) const {
  const Lines lines = lines_of(y, x, dim);
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(argsort_kernel<T>, blocks_for(lines.count * lines.size), block_threads, 0,
           on_device<std::int64_t>(y), on_device<T>(x), lines, descending);
  });
}

}  // namespace lockstep::cuda
