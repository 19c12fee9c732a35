// The kernels of the fused ops over rows: layer norm, bias and GELU, cross entropy, column sums.
#include <algorithm>
#include <vector>

#include "core/cpu/cpu_kernels.h"

namespace lockstep::cpu {

namespace {

std::int64_t rows_of(const Tensor& x) { return x.numel() / std::max<std::int64_t>(x.shape().back(), 1); }

template <typename T>
const T* data_or_null(const Tensor& x) {
  return x.defined() ? x.data<T>() : nullptr;
}
template <typename T>
T* data_or_null(const Target& target) {
  return target.wanted() ? target.buffer.data<T>() : nullptr;
}

template <typename T>
void store(const Target& target, const std::vector<double>& sums) {
  if (!target.wanted()) return;
  T* const out = target.buffer.data<T>();
  for (std::size_t j = 0; j < sums.size(); ++j)
    out[j] = static_cast<T>((target.accumulate ? static_cast<double>(out[j]) : 0.0) + sums[j]);
}

}  // namespace

void CpuKernels::layer_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                            const Tensor& weight, const Tensor& bias, double eps) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t width = x.shape().back();
    const T* const w = data_or_null<T>(weight);
    const T* const b = data_or_null<T>(bias);
    for (std::int64_t i = 0; i < rows_of(x); ++i) {
      const T* const in = x.data<T>() + i * width;
      T* const out = y.data<T>() + i * width;
      double sum = 0, squares = 0;
      for (std::int64_t j = 0; j < width; ++j) sum += static_cast<double>(in[j]);
      const double mu = sum / static_cast<double>(width);
      for (std::int64_t j = 0; j < width; ++j) {
        const double d = static_cast<double>(in[j]) - mu;
        squares += d * d;
      }
      const double r = 1 / std::sqrt(squares / static_cast<double>(width) + eps);
      mean.data<T>()[i] = static_cast<T>(mu);
      rstd.data<T>()[i] = static_cast<T>(r);
      for (std::int64_t j = 0; j < width; ++j) {
        const T normal = (in[j] - static_cast<T>(mu)) * static_cast<T>(r);
        out[j] = normal * (w ? w[j] : T(1)) + (b ? b[j] : T(0));
      }
    }
  });
}

// g = dy weight, n = (x - mean) rstd:  dx = rstd (g - mean(g) - n mean(g n)), dweight = sum dy n, dbias = sum
// dy
void CpuKernels::layer_norm_backward(const Target& dx, const Target& dweight, const Target& dbias,
                                     const Tensor& dy, const Tensor& x, const Tensor& mean,
                                     const Tensor& rstd, const Tensor& weight) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t width = x.shape().back();
    const T* const w = data_or_null<T>(weight);
    std::vector<double> dw(static_cast<std::size_t>(width)), db(static_cast<std::size_t>(width));
    for (std::int64_t i = 0; i < rows_of(x); ++i) {
      const T* const in = x.data<T>() + i * width;
      const T* const g = dy.data<T>() + i * width;
      const T mu = mean.data<T>()[i], r = rstd.data<T>()[i];
      double sum = 0, product = 0;
      for (std::int64_t j = 0; j < width; ++j) {
        const T normal = (in[j] - mu) * r, scaled = g[j] * (w ? w[j] : T(1));
        sum += static_cast<double>(scaled);
        product += static_cast<double>(scaled * normal);
        dw[static_cast<std::size_t>(j)] += static_cast<double>(g[j] * normal);
        db[static_cast<std::size_t>(j)] += static_cast<double>(g[j]);
      }
      if (!dx.wanted()) continue;
      T* const out = dx.buffer.data<T>() + i * width;
      const T a = static_cast<T>(sum / static_cast<double>(width));
      const T b = static_cast<T>(product / static_cast<double>(width));
      for (std::int64_t j = 0; j < width; ++j) {
        const T value = r * (g[j] * (w ? w[j] : T(1)) - a - (in[j] - mu) * r * b);
        out[j] = dx.accumulate ? out[j] + value : value;
      }
    }
    store<T>(dweight, dw);
    store<T>(dbias, db);
  });
}

void CpuKernels::bias_gelu(const Tensor& y, const Tensor& x, const Tensor& bias, Gelu form) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t width = x.shape().back();
    const T* const b = data_or_null<T>(bias);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const T value = x.data<T>()[i] + (b ? b[i % width] : T(0));
      y.data<T>()[i] = form == Gelu::exact ? formula<UnaryOp::gelu>(value, T(0), T(0))
                                           : formula<UnaryOp::gelu_tanh>(value, T(0), T(0));
    }
  });
}

void CpuKernels::bias_gelu_backward(const Tensor& dx, const Tensor& dy, const Tensor& x, const Tensor& bias,
                                    Gelu form) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t width = x.shape().back();
    const T* const b = data_or_null<T>(bias);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const T value = x.data<T>()[i] + (b ? b[i % width] : T(0));
      dx.data<T>()[i] =
          dy.data<T>()[i] * (form == Gelu::exact ? formula<UnaryOp::gelu_slope>(value, T(0), T(0))
                                                 : formula<UnaryOp::gelu_tanh_slope>(value, T(0), T(0)));
    }
  });
}

void CpuKernels::column_sums(const Target& y, const Tensor& x) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t width = x.shape().back();
    std::vector<double> sums(static_cast<std::size_t>(width));
    for (std::int64_t i = 0; i < rows_of(x); ++i) {
      for (std::int64_t j = 0; j < width; ++j)
        sums[static_cast<std::size_t>(j)] += static_cast<double>(x.data<T>()[i * width + j]);
    }
    store<T>(y, sums);
  });
}

void CpuKernels::cross_entropy(const Tensor& loss, const Tensor& lse, const Tensor& x, const Tensor& target,
                               std::int64_t ignore, double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t classes = x.shape().back();
    const std::int64_t* const label = target.data<std::int64_t>();
    for (std::int64_t i = 0; i < target.numel(); ++i) {
      const T* const in = x.data<T>() + i * classes;
      const T largest = *std::max_element(in, in + classes);
      double sum = 0, total = 0;
      for (std::int64_t j = 0; j < classes; ++j) {
        sum += static_cast<double>(std::exp(in[j] - largest));
        total += static_cast<double>(in[j]);
      }
      const double log_sum = static_cast<double>(largest) + std::log(sum);
      lse.data<T>()[i] = static_cast<T>(log_sum);
      loss.data<T>()[i] =
          label[i] == ignore
              ? T(0)
              : static_cast<T>(log_sum - (1 - smoothing) * static_cast<double>(in[label[i]]) -
                               (smoothing == 0 ? 0 : smoothing * total / static_cast<double>(classes)));
    }
  });
}

void CpuKernels::cross_entropy_backward(const Target& dx, const Tensor& dloss, const Tensor& x,
                                        const Tensor& lse, const Tensor& target, std::int64_t ignore,
                                        double smoothing) const {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::int64_t classes = x.shape().back();
    const std::int64_t* const label = target.data<std::int64_t>();
    const T spread = static_cast<T>(smoothing / static_cast<double>(classes));
    for (std::int64_t i = 0; i < target.numel(); ++i) {
      const T* const in = x.data<T>() + i * classes;
      T* const out = dx.buffer.data<T>() + i * classes;
      const T g = label[i] == ignore ? T(0) : dloss.data<T>()[dloss.rank() == 0 ? 0 : i * dloss.strides()[0]];
      for (std::int64_t j = 0; j < classes; ++j) {
        const T p = std::exp(in[j] - lse.data<T>()[i]);
        const T value = g * (p - (j == label[i] ? static_cast<T>(1 - smoothing) : T(0)) - spread);
        out[j] = dx.accumulate ? out[j] + value : value;
      }
    }
  });
}

}  // namespace lockstep::cpu
