// Reductions over any set of dimensions, in double, so that f32 sums are rounded once; whole numbers in i64.
#include <algorithm>
#include <limits>
#include <vector>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

template <typename A>
struct Sum {
  static constexpr A identity = 0;
  static A combine(A a, A x) { return a + x; }
};
template <typename A>
struct Max {
  static constexpr A identity = std::numeric_limits<A>::has_infinity ? -std::numeric_limits<A>::infinity()
                                                                     : std::numeric_limits<A>::lowest();
  static A combine(A a, A x) { return x > a || x != x ? x : a; }  // NaN wins
};
template <typename A>
struct Min {
  static constexpr A identity = std::numeric_limits<A>::has_infinity ? std::numeric_limits<A>::infinity()
                                                                     : std::numeric_limits<A>::max();
  static A combine(A a, A x) { return x < a || x != x ? x : a; }
};

template <template <typename> typename Reduction, typename T>
void reduce_into(const Tensor& y, const Tensor& x) {
  using A = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
  using Op = Reduction<A>;
  // Accumulators live in C order of y; walking x visits each one in a fixed order.
  thread_local std::vector<A> accumulators;
  accumulators.assign(static_cast<std::size_t>(y.numel()), Op::identity);
  A* const sums = accumulators.data();
  const Tensor slots = y.view(y.shape(), contiguous_strides(y.shape()), 0);
  const T* const in = x.data<T>();
  const auto add_run = [&](std::int64_t n, const auto& offset, const auto& stride) {
    A* const p = sums + offset[0];
    const T* const q = in + offset[1];
    if (stride[0] == 0) {
      A a = *p;
      for (std::int64_t i = 0; i < n; ++i) a = Op::combine(a, static_cast<A>(q[i * stride[1]]));
      *p = a;
    } else {
      for (std::int64_t i = 0; i < n; ++i) {
        p[i * stride[0]] = Op::combine(p[i * stride[0]], static_cast<A>(q[i * stride[1]]));
      }
    }
  };
  // Threads share the outermost loop where each of its steps has accumulators of its own.
  const Nest<2> loops(x.shape(), {&slots, &x});
  if (loops.strides[0][0] != 0) {
    loops.for_each_run_in_parallel(add_run);
  } else {
    loops.for_each_run(add_run);
  }
  const auto store = [&](auto t) {
    using Y = decltype(t);
    const A* next = sums;
    Nest<1>(y.shape(), {&y}).for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
      for (std::int64_t k = 0; k < n; ++k) y.data<Y>()[offset[0] + k * stride[0]] = static_cast<Y>(*next++);
    });
  };
  y.dtype() == x.dtype() ? store(T{}) : store(std::int64_t{});
}

}  // namespace

void CpuKernels::reduce(ReduceOp op, const Tensor& y, const Tensor& x) const {
  dispatch(x.dtype(), [&](auto t) {
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
