// Order along a dimension, line by line.
#include <algorithm>
#include <numeric>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

// a before b in ascending order, NaN last.
template <typename T>
bool before(T a, T b) {
  return a < b || (a == a && b != b);
}

// Calls body(line of y, line of x) for all lines along dim; both step by their strides there.
template <typename T, typename Body>
void for_each_line(const Tensor& y, const Tensor& x, int dim, Body&& body) {
  Dims lines = x.shape();
  lines[dim] = 1;
  const Tensor y_heads = y.view(lines, y.strides(), y.offset()),
               x_heads = x.view(lines, x.strides(), x.offset());
  Nest<2>(lines, {&y_heads, &x_heads})
      .for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
        for (std::int64_t i = 0; i < n; ++i)
          body(y.data<std::int64_t>() + offset[0] + i * stride[0], x.data<T>() + offset[1] + i * stride[1]);
      });
}

}  // namespace

void CpuKernels::arg_extreme(const Tensor& y, const Tensor& x, int dim, bool largest) const {
  const std::int64_t count = x.size(dim), step = x.strides()[dim];
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    for_each_line<T>(y, x, dim, [&](std::int64_t* at, const T* line) {
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < count; ++i) {
        const T value = line[i * step], so_far = line[best * step];
        // NaN wins in either direction.
        const bool better =
            largest ? before(so_far, value) : value < so_far || (value != value && so_far == so_far);
        if (better) best = i;
      }
      *at = best;
    });
  });
}

void CpuKernels::argsort(const Tensor& y, const Tensor& x, int dim, bool descending) const {
  const std::int64_t count = x.size(dim), y_step = y.strides()[dim], x_step = x.strides()[dim];
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  dispatch(x.dtype(), [&](auto t) {
    using T = decltype(t);
    for_each_line<T>(y, x, dim, [&](std::int64_t* at, const T* line) {
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return descending ? before(line[b * x_step], line[a * x_step])
                          : before(line[a * x_step], line[b * x_step]);
      });
      for (std::int64_t i = 0; i < count; ++i) at[i * y_step] = order[static_cast<std::size_t>(i)];
    });
  });
}

}  // namespace lockstep::cpu
