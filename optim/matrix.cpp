#include "optim/matrix.h"

#include "core/cpu/simd/vector_ops.h"

namespace lockstep::optim {

double sum_of_squares(const Tensor& x) {
  return dispatch_real(x.dtype(),
                       [&](auto t) { return cpu::sum_of_squares(x.data<decltype(t)>(), x.numel()); });
}

void accumulate(const Tensor& y, const Tensor& x, double factor) {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    cpu::accumulate(y.data<T>(), x.data<T>(), y.numel(), factor);
  });
}

void scale(const Tensor& y, double factor) {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    cpu::scale(y.data<T>(), y.data<T>(), factor, y.numel());
  });
}

}  // namespace lockstep::optim
