// Tensors that are not computed from others: counts, masks, random choices.
#include <span>

#include "core/cpu/cpu_kernels.h"
#include "core/random/keyed_stream.h"

namespace lockstep::cpu {

void CpuKernels::arange(const Tensor& y) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    for (std::int64_t i = 0; i < y.numel(); ++i) y.data<T>()[i] = static_cast<T>(i);
  });
}

void CpuKernels::tril(const Tensor& mask, std::int64_t diagonal) const {
  const std::int64_t rows = mask.size(0), columns = mask.size(1);
  std::uint8_t* const out = mask.data<std::uint8_t>();
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) out[i * columns + j] = j - i <= diagonal;
  }
}

void CpuKernels::bernoulli(const Tensor& y, const KeyedStream& stream, double probability,
                           double value) const {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    stream.fill_bernoulli(std::span(y.data<T>(), static_cast<std::size_t>(y.numel())), probability, 0,
                          static_cast<T>(value));
  });
}

}  // namespace lockstep::cpu
