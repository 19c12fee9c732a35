#include "core/ops/in_place.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

void check_writable(const char* op, const Tensor& y) {
  check(!grad_enabled() || !y.requires_grad(),
        "[{}] {} requires a gradient, which a change in place would falsify: change it inside NoGrad", op,
        describe(y));
  for (int i = 0; i < y.rank(); ++i)
    check(y.strides()[i] != 0 || y.size(i) <= 1, "[{}] {} is expanded, its elements share memory: clone() it",
          op, describe(y));
}

// x = f(x, y)
template <typename F>
Tensor& assign(const char* op, Tensor& x, const Tensor& y, F f) {
  if (!grad_enabled() || !(x.requires_grad() || y.requires_grad())) {
    copy_(x, f(x, y));
    return x;
  }
  check(!x.is_leaf() || !x.requires_grad(),
        "[{}] {} is a leaf that requires a gradient: change it inside NoGrad, or compute a new tensor", op,
        describe(x));
  return x = f(x, y);
}

}  // namespace

void copy_(const Tensor& y, const Tensor& x) {
  check_writable("copy_", y);
  kernels(y).copy(y, expand(x.detach(), y.shape()));
  y.mark_changed();
}

void fill_(const Tensor& y, double value) {
  check_writable("fill_", y);
  kernels(y).fill(y, value);
  y.mark_changed();
}

void lerp_(const Tensor& y, const Tensor& x, double weight) {
  const Tensor at = y.detach();
  copy_(y, at + (x.detach() - at) * weight);
}

Tensor& operator+=(Tensor& x, const Tensor& y) { return assign("+=", x, y, std::plus<>()); }
Tensor& operator-=(Tensor& x, const Tensor& y) { return assign("-=", x, y, std::minus<>()); }
Tensor& operator*=(Tensor& x, const Tensor& y) { return assign("*=", x, y, std::multiplies<>()); }
Tensor& operator/=(Tensor& x, const Tensor& y) { return assign("/=", x, y, std::divides<>()); }
Tensor& operator+=(Tensor& x, double c) { return x += full({}, c, x.options()); }
Tensor& operator-=(Tensor& x, double c) { return x -= full({}, c, x.options()); }
Tensor& operator*=(Tensor& x, double c) { return x *= full({}, c, x.options()); }
Tensor& operator/=(Tensor& x, double c) { return x /= full({}, c, x.options()); }

}  // namespace lockstep
