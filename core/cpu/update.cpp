// The optimizers' kernels.
#include "core/cpu/simd/update.h"

#include <cmath>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/simd/vector_ops.h"

namespace lockstep::cpu {

namespace {

bool is_finite(const Tensor& number) {
  return dispatch_real(number.dtype(), [&](auto t) { return std::isfinite(*number.data<decltype(t)>()); });
}

}  // namespace

void CpuKernels::update(const UpdateRule& rule, std::span<const UpdateTensors> tensors,
                        const Tensor& only_if_finite) const {
  if (only_if_finite.defined() && !is_finite(only_if_finite)) return;
  for (const UpdateTensors& t : tensors) {
    const double scale = t.scale.defined() ? *t.scale.data<double>() : 1;
    const auto* multiply = std::get_if<rules::Multiply<double>>(&rule);
    if (multiply && !t.g.defined() && scale * multiply->factor == 1) continue;  // clipping, in most steps
    dispatch_real(t.p.dtype(), [&](auto type) {
      using T = decltype(type);
      cpu::update<T>(rule,
                     {t.p.data<T>(),
                      data_or_null<T>(t.g),
                      {data_or_null<T>(t.slots[0]), data_or_null<T>(t.slots[1]), data_or_null<T>(t.slots[2])},
                      static_cast<T>(scale),
                      t.p.numel()});
    });
  }
}

void CpuKernels::sums_of_squares(const Tensor& y, std::span<const Tensor> x) const {
  double* const sums = y.data<double>();
  std::fill_n(sums, y.numel(), 0.0);
  const bool joint = y.numel() == 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sums[joint ? 0 : i] += dispatch_real(
        x[i].dtype(), [&](auto type) { return sum_of_squares(x[i].data<decltype(type)>(), x[i].numel()); });
  }
}

}  // namespace lockstep::cpu
