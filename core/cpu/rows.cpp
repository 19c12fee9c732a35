// Elements by index: embedding lookup and its gradient. Bound by memory bandwidth.
#include <algorithm>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/simd/embedding.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

// Calls body(element of picked, the element of whole that the index names for it), in the order of the index.
template <typename T, typename Body>
void for_each_pick(const Tensor& picked, const Tensor& whole, const Tensor& index, int dim, Body&& body) {
  // The whole with stride 0 along dim: where each line of it starts.
  Dims strides = whole.strides();
  strides[dim] = 0;
  const Tensor lines = whole.view(index.shape(), strides, whole.offset());
  const std::int64_t step = whole.strides()[dim];
  Nest<3>(index.shape(), {&picked, &lines, &index})
      .for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
        T* const p = picked.data<T>() + offset[0];
        T* const line = whole.data<T>() + offset[1];
        const std::int64_t* const at = index.data<std::int64_t>() + offset[2];
        for (std::int64_t i = 0; i < n; ++i)
          body(p[i * stride[0]], line[i * stride[1] + at[i * stride[2]] * step]);
      });
}

}  // namespace

void CpuKernels::check_range(const char* what, const Tensor& index, std::int64_t size,
                             std::optional<std::int64_t> ignore) const {
  const std::int64_t* const at = index.data<std::int64_t>();
  for (std::int64_t i = 0; i < index.numel(); ++i) {
    if ((at[i] < 0 || at[i] >= size) && at[i] != ignore) fail("{}", out_of_range(what, at[i], size, ignore));
  }
}

void CpuKernels::gather(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    for_each_pick<T>(y, x, index, dim, [](T& out, const T& in) { out = in; });
  });
}

void CpuKernels::scatter_add(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    for_each_pick<T>(x, y, index, dim, [](const T& in, T& out) { out += in; });
  });
}

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
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    std::fill_n(table.data<T>(), table.numel(), T(0));
    embedding_scatter_add<T>(table.data<T>(), x.data<T>(), index.data<std::int64_t>(), index.numel(),
                             table.size(0), table.size(1));
  });
}

}  // namespace lockstep::cpu
