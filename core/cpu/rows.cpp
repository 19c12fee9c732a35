// Rows of a table: embedding lookup and its gradient. Bound by memory bandwidth.
#include <algorithm>

#include "core/cpu/cpu_kernels.h"

namespace lockstep::cpu {

void CpuKernels::take_rows(const Tensor& y, const Tensor& table, const Tensor& index) const {
  const std::int64_t width = y.numel() / std::max<std::int64_t>(index.numel(), 1);
  const std::int64_t* const row = index.data<std::int64_t>();
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    for (std::int64_t i = 0; i < index.numel(); ++i) {
      std::copy_n(table.data<T>() + row[i] * width, width, y.data<T>() + i * width);
    }
  });
}

void CpuKernels::add_rows(const Tensor& table, const Tensor& x, const Tensor& index) const {
  const std::int64_t width = x.numel() / std::max<std::int64_t>(index.numel(), 1);
  const std::int64_t* const row = index.data<std::int64_t>();
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    for (std::int64_t i = 0; i < index.numel(); ++i) {
      T* const to = table.data<T>() + row[i] * width;
      const T* const from = x.data<T>() + i * width;
      for (std::int64_t j = 0; j < width; ++j) to[j] += from[j];
    }
  });
}

}  // namespace lockstep::cpu
