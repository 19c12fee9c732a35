// The kernels of the fused ops over rows (layer norm, GELU with its slope, cross entropy, column sums), on
// the vector loops of core/cpu/simd.
#include <algorithm>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/simd/gelu.h"
#include "core/cpu/simd/layer_norm.h"
#include "core/cpu/simd/softmax.h"
#include "core/cpu/simd/vector_ops.h"
#include "core/strided.h"

namespace lockstep::cpu {

namespace {

std::int64_t rows_of(const Tensor& x) { return x.numel() / std::max<std::int64_t>(x.shape().back(), 1); }

// Where a kernel may add sums: the target, cleared unless they are added to what it holds.
template <typename T>
T* sums_of(const Target& target) {
  if (!target.wanted()) return nullptr;
  T* const sums = target.buffer.data<T>();
  if (!target.accumulate) std::fill_n(sums, target.buffer.numel(), T(0));
  return sums;
}

}  // namespace

void CpuKernels::layer_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                            const Tensor& weight, const Tensor& bias, double eps) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    layer_norm_forward<T>(y.data<T>(), data_or_null<T>(mean), rstd.data<T>(), x.data<T>(),
                          data_or_null<T>(weight), data_or_null<T>(bias), rows_of(x), x.shape().back(), eps);
  });
}

void CpuKernels::layer_norm_backward(const Target& dx, const Target& dweight, const Target& dbias,
                                     const Tensor& dy, const Tensor& x, const Tensor& mean,
                                     const Tensor& rstd, const Tensor& weight) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    cpu::layer_norm_backward<T>(data_or_null<T>(dx.buffer), sums_of<T>(dweight), sums_of<T>(dbias),
                                dy.data<T>(), x.data<T>(), data_or_null<T>(mean), rstd.data<T>(),
                                data_or_null<T>(weight), rows_of(x), x.shape().back(), dx.accumulate);
  });
}

void CpuKernels::gelu_and_slope(const Tensor& y, const Tensor& slope, const Tensor& x, Gelu form) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    cpu::gelu_and_slope<T>(form, y.data<T>(), slope.data<T>(), x.data<T>(), x.numel());
  });
}

void CpuKernels::weight_gradient(const Target& dweight, const Target& dbias, const Tensor& dy,
                                 const Tensor& x) const {
  if (dweight.wanted()) matmul(dweight.buffer, transposed(dy), x, dweight.accumulate, {});
  if (!dbias.wanted()) return;
  dispatch_real(dy.dtype(), [&](auto t) {
    using T = decltype(t);
    column_sum<T>(sums_of<T>(dbias), dy.data<T>(), rows_of(dy), dy.shape().back());
  });
}

void CpuKernels::cross_entropy(const Tensor& loss, const Tensor& lse, const Tensor& x, const Tensor& target,
                               std::int64_t ignore, double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    cross_entropy_forward<T>(loss.data<T>(), lse.data<T>(), x.data<T>(), target.data<std::int64_t>(),
                             target.numel(), x.shape().back(), {ignore, smoothing});
  });
}

void CpuKernels::mean_of_counted(const Tensor& mean, const Tensor& share, const Tensor& loss,
                                 const Tensor& target, std::int64_t ignore) const {
  reduce(ReduceOp::sum, mean.view({1}, {1}, mean.offset()), loss.view({loss.numel()}, {1}, loss.offset()));
  const auto* const targets = target.data<std::int64_t>();
  const std::int64_t ignored = std::count(targets, targets + target.numel(), ignore);
  dispatch_real(loss.dtype(), [&](auto t) {
    using T = decltype(t);
    *share.data<T>() = static_cast<T>(1 / static_cast<double>(target.numel() - ignored));
    *mean.data<T>() *= *share.data<T>();
  });
}

void CpuKernels::cross_entropy_backward(const Tensor& dx, const Tensor& dloss, const Tensor& x,
                                        const Tensor& lse, const Tensor& target, std::int64_t ignore,
                                        double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    cpu::cross_entropy_backward<T>(dx.data<T>(), dloss.data<T>(), dloss.rank() == 0 ? 0 : dloss.strides()[0],
                                   x.data<T>(), lse.data<T>(), target.data<std::int64_t>(), target.numel(),
                                   x.shape().back(), {ignore, smoothing});
  });
}

}  // namespace lockstep::cpu
