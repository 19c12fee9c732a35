#include "optim/newton_schulz.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/kernels.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

Tensor transposed(const Tensor& x) {
  return x.view({x.size(1), x.size(0)}, {x.strides()[1], x.strides()[0]}, x.offset());
}

// The nearest number with 8 bits of mantissa, ties to even.
float to_bfloat16(float value) {
  if (std::isnan(value)) return value;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000U);
}

void round_to_bfloat16(const Tensor& x) {
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    T* first = x.data<T>();
    std::transform(first, first + x.numel(), first, [](T value) { return T(to_bfloat16(float(value))); });
  });
}

}  // namespace

void orthogonalize(const Tensor& x, const NewtonSchulz& options) {
  const auto [a, b, c] = options.coefficients;
  const bool tall = x.size(0) > x.size(1);
  const std::int64_t small = std::min(x.size(0), x.size(1));
  const Kernels& compute = kernels(x);
  Tensor now = x, next = empty_like(x);
  const Tensor gram = empty({small, small}, x.options()), polynomial = empty_like(gram);
  const auto round = [&](const Tensor& y) {
    if (options.bfloat16) round_to_bfloat16(y);
  };

  round(x);
  double norm = std::sqrt(sum_of_squares(x));
  if (options.bfloat16) norm = to_bfloat16(static_cast<float>(norm));
  scale(x, 1 / std::max(norm, options.eps));
  round(x);
  for (int step = 0; step < options.steps; ++step) {
    tall ? compute.matmul(gram, transposed(now), now, false, {})
         : compute.matmul(gram, now, transposed(now), false, {});
    round(gram);
    compute.matmul(polynomial, gram, gram, false, {});
    scale(polynomial, c);
    accumulate(polynomial, gram, b);
    round(polynomial);
    tall ? compute.matmul(next, now, polynomial, false, {})
         : compute.matmul(next, polynomial, now, false, {});
    accumulate(next, now, a);
    round(next);
    std::swap(now, next);
  }
  if (!now.is_same(x)) compute.copy(x, now);
}

}  // namespace lockstep::optim
