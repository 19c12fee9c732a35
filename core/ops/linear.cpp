#include "core/ops/linear.h"

#include "core/autograd.h"
#include "core/ops/activations.h"
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

void check_linear(const char* name, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(weight.rank() == 2 && x.rank() > 0 && x.shape().back() == weight.size(1),
        "[{}] expected x (..., in) and weight (out, in), got {} and {}", name, describe(x), describe(weight));
  check(!bias.defined() || bias.shape() == Dims{weight.size(0)},
        "[{}] expected a bias of shape ({},), got {}", name, weight.size(0), describe(bias));
  check(x.dtype() == weight.dtype() && (!bias.defined() || bias.dtype() == x.dtype()),
        "[{}] element types differ: x {}, weight {}, bias {}: convert with to()", name, describe(x),
        describe(weight), describe(bias));
}

// (rows, last dimension) as BLAS can read it; a copy only where the strides force one.
Tensor rows_of(const Tensor& x) {
  const std::int64_t width = x.shape().back();
  return blas_readable(reshape(x, {width == 0 ? 0 : x.numel() / width, width}));
}

// The shape of x with `size` as its last dimension.
Dims with_last(const Tensor& x, std::int64_t size) {
  Dims shape = x.shape();
  shape[x.rank() - 1] = size;
  return shape;
}

// dx = dy W, dW = dy^T x, db = sum of dy over rows
void linear_backward(const Tensor& dy, const Tensor& x, const Tensor& w, GradientSlots& slots) {
  const Tensor rows = rows_of(dy);
  if (const Target dx = slots.target(0); dx.wanted())
    kernels(dy).matmul(rows_of(dx.buffer), rows, w, dx.accumulate, {});
  if (const Target dw = slots.target(1); dw.wanted())
    kernels(dy).matmul(dw.buffer, transpose(rows, 0, 1), rows_of(x), dw.accumulate, {});
  if (const Target db = slots.target(2); db.wanted()) kernels(dy).column_sums(db, contiguous(rows));
}

Tensor linear_reference(const Tensor& x, const Tensor& w, const Tensor& b) {
  const Tensor product = matmul(x, transpose(w, -1, -2));
  return b.defined() ? product + b : product;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_linear("linear", x, weight, bias);
  Tensor y = empty(with_last(x, weight.size(0)), x.options());
  {
    const NoGrad no_grad;
    kernels(y).matmul(rows_of(y), rows_of(x), transpose(blas_readable(weight), 0, 1), false,
                      bias.defined() ? contiguous(bias) : bias);
  }
  return record_fused(
      "linear", y, std::array{x, weight, bias},
      [](const Tensor& dy, const auto& in, GradientSlots& slots) {
        linear_backward(dy, in[0], blas_readable(in[1]), slots);
      },
      linear_reference);
}

// h = x W^T, y = gelu(h + b);  dh = dy gelu'(h + b), and on as in linear. The slope gelu'(h + b) is saved in
// h's place: it costs little where the value is computed, and as much again later.
Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias, Gelu form) {
  check_linear("linear_gelu", x, weight, bias);
  const Tensor h = empty(with_last(x, weight.size(0)), x.options());
  Tensor y = empty_like(h);
  const bool differentiable = grad_enabled();
  {
    const NoGrad no_grad;
    kernels(y).matmul(rows_of(h), rows_of(x), transpose(blas_readable(weight), 0, 1), false, {});
    kernels(y).bias_gelu(y, differentiable ? h : Tensor(), h, contiguous(bias), form);
  }
  return record_fused(
      "linear_gelu", y, std::array{x, weight, bias},
      [slope = saved(h)](const Tensor& dy, const auto& in, GradientSlots& slots) {
        linear_backward(dy * slope(), in[0], blas_readable(in[1]), slots);
      },
      [form](const Tensor& x_in, const Tensor& w, const Tensor& b) {
        return gelu(linear_reference(x_in, w, b), form);
      });
}

}  // namespace lockstep
