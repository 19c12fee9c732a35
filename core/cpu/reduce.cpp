// Reductions over any set of dimensions, in double, so that f32 sums are rounded once.
#include <algorithm>
#include <limits>
#include <vector>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

struct Sum {
  static constexpr double identity = 0;
  static double combine(double a, double x) { return a + x; }
};
struct Max {
  static constexpr double identity = -std::numeric_limits<double>::infinity();
  static double combine(double a, double x) { return x > a || x != x ? x : a; }  // NaN wins
};
struct Min {
  static constexpr double identity = std::numeric_limits<double>::infinity();
  static double combine(double a, double x) { return x < a || x != x ? x : a; }
};

template <typename Op, typename T>
void reduce_into(const Tensor& y, const Tensor& x) {
  // Accumulators live in C order of y; walking x visits each one in a fixed order.
  thread_local std::vector<double> accumulators;
  accumulators.assign(static_cast<std::size_t>(y.numel()), Op::identity);
  const Tensor slots = y.view(y.shape(), contiguous_strides(y.shape()), 0);
  const T* const in = x.data<T>();
  Nest<2>(x.shape(), {&slots, &x}).for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
    double* const p = accumulators.data() + offset[0];
    const T* const q = in + offset[1];
    if (stride[0] == 0) {
      double a = *p;
      for (std::int64_t i = 0; i < n; ++i) a = Op::combine(a, static_cast<double>(q[i * stride[1]]));
      *p = a;
    } else {
      for (std::int64_t i = 0; i < n; ++i) {
        p[i * stride[0]] = Op::combine(p[i * stride[0]], static_cast<double>(q[i * stride[1]]));
      }
    }
  });
  std::int64_t i = 0;
  Nest<1>(y.shape(), {&y}).for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
    for (std::int64_t k = 0; k < n; ++k)
      y.data<T>()[offset[0] + k * stride[0]] = static_cast<T>(accumulators[static_cast<std::size_t>(i++)]);
  });
}

}  // namespace

void CpuKernels::reduce(ReduceOp op, const Tensor& y, const Tensor& x) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    switch (op) {
      case ReduceOp::sum:
        return reduce_into<Sum, T>(y, x);
      case ReduceOp::max:
        return reduce_into<Max, T>(y, x);
      case ReduceOp::min:
        return reduce_into<Min, T>(y, x);
    }
  });
}

void CpuKernels::cumsum(const Tensor& y, const Tensor& x, int dim) const {
  const std::int64_t count = x.size(dim), y_step = y.strides()[dim], x_step = x.strides()[dim];
  Dims lines = x.shape();
  lines[dim] = std::min<std::int64_t>(count, 1);
  const Tensor y_heads = y.view(lines, y.strides(), y.offset()),
               x_heads = x.view(lines, x.strides(), x.offset());
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    Nest<2>(lines, {&y_heads, &x_heads})
        .for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
          for (std::int64_t line = 0; line < n; ++line) {
            T* const out = y.data<T>() + offset[0] + line * stride[0];
            const T* const in = x.data<T>() + offset[1] + line * stride[1];
            double total = 0;
            for (std::int64_t i = 0; i < count; ++i) {
              total += static_cast<double>(in[i * x_step]);
              out[i * y_step] = static_cast<T>(total);
            }
          }
        });
  });
}

}  // namespace lockstep::cpu
