#include "core/ops/linear.h"

#include "core/autograd.h"
#include "core/ops/activations.h"
#include "core/ops/checks.h"
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
  check_real(name, x);
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

void check_plus(const char* name, const Tensor& plus, const Tensor& y) {
  check(!plus.defined() || (plus.shape() == y.shape() && plus.dtype() == y.dtype()),
        "[{}] expected what it is added to like the result, {}, got {}", name, describe(y), describe(plus));
}

// W^T, as BLAS can read it.
Tensor transposed_weight(const Tensor& w) { return transpose(blas_readable(w), 0, 1); }

// y = x W^T + b (+ plus)
void multiply_transposed(const Tensor& y, const Tensor& x, const Tensor& w, const Tensor& b,
                         const Tensor& plus = {}) {
  const Tensor rows = rows_of(x), bias = b.defined() ? contiguous(b) : b;
  const Kernels& compute = kernels("linear", x, w, b, plus);
  if (!plus.defined()) return compute.matmul(rows_of(y), rows, transposed_weight(w), false, bias);
  compute.matmul_plus(rows_of(y), rows, transposed_weight(w), 1, rows_of(contiguous(plus)), 1, bias);
}

// y = gelu(h) of h = x W^T + b; h becomes its slope gelu'(h), if that is wanted.
void multiply_transposed_gelu(const Tensor& y, const Tensor& h, bool wants_slope, const Tensor& x,
                              const Tensor& w, const Tensor& b, Gelu form) {
  if (wants_slope) {
    const Tensor bias = b.defined() ? contiguous(b) : b;
    return kernels("linear", x, w, b)
        .matmul_gelu(rows_of(y), rows_of(h), rows_of(x), transposed_weight(w), bias, form);
  }
  multiply_transposed(h, x, w, b);
  kernels(y).unary(form == Gelu::exact ? UnaryOp::gelu : UnaryOp::gelu_tanh, y, h, 0, 0);
}

// dW = dy^T x, db = sum of dy over rows, in the slots `weight` and `weight` + 1
void weight_gradients(const Tensor& dy, const Tensor& x, GradientSlots& slots, int weight) {
  const Target dw = slots.target(weight), db = slots.target(weight + 1);
  const Tensor rows = rows_of(dy);
  kernels(dy).weight_gradient(dw, db, db.wanted() ? contiguous(rows) : rows, rows_of(x));
}

// dx = dy W, and the weights'
void linear_backward(const Tensor& dy, const Tensor& x, const Tensor& w, GradientSlots& slots) {
  if (const Target dx = slots.target(0); dx.wanted())
    kernels(dy).matmul(rows_of(dx.buffer), rows_of(dy), w, dx.accumulate, {});
  weight_gradients(dy, x, slots, 1);
}

Tensor linear_reference(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& plus = {}) {
  const Tensor product = matmul(x, transpose(w, -1, -2)), y = b.defined() ? product + b : product;
  return plus.defined() ? y + plus : y;
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& plus) {
  check_linear("linear", x, weight, bias);
  Tensor y = empty(with_last(x, weight.size(0)), x.options());
  check_plus("linear", plus, y);
  {
    const NoGrad no_grad;
    multiply_transposed(y, x, weight, bias, plus);
  }
  return record_fused(
      "linear", y, std::array{x, weight, bias, plus},
      [](const Tensor& dy, const auto& in, GradientSlots& slots) {
        linear_backward(dy, in[0], blas_readable(in[1]), slots);
        if (in[3].defined()) slots.add(3, dy);
      },
      linear_reference);
}

// h = x W^T + b, y = gelu(h);  dh = dy gelu'(h), and on as in linear. The slope gelu'(h) is saved in h's
// place: it costs little where the value is computed, and as much again later.
Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias, Gelu form) {
  check_linear("linear_gelu", x, weight, bias);
  const Tensor h = empty(with_last(x, weight.size(0)), x.options());
  Tensor y = empty_like(h);
  const bool differentiable = grad_enabled();
  {
    const NoGrad no_grad;
    multiply_transposed_gelu(y, h, differentiable, x, weight, bias, form);
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

// h = x W1^T + b1, a = gelu(h), y = a W2^T + b2 (+ plus);  dW2 = dy^T a, dh = (dy W2) gelu'(h), and on as in
// linear. Kept are a and, in h's place, the slope gelu'(h); of a large layer only h: its GELU takes less than
// 1 % of the step of a model whose layers are that large.
Tensor mlp(const Tensor& x, const Tensor& weight1, const Tensor& bias1, const Tensor& weight2,
           const Tensor& bias2, Gelu form, const Tensor& plus) {
  constexpr std::int64_t large = std::int64_t{8} << 20;  // bytes
  check_linear("mlp", x, weight1, bias1);
  const Tensor h = empty(with_last(x, weight1.size(0)), x.options());
  check_linear("mlp", h, weight2, bias2);
  const bool keep = h.numel() * static_cast<std::int64_t>(size_of(h.dtype())) < large;
  const Tensor a = empty_like(h);
  const Tensor y = empty(with_last(x, weight2.size(0)), x.options());
  check_plus("mlp", plus, y);
  const bool differentiable = grad_enabled();
  {
    const NoGrad no_grad;
    multiply_transposed_gelu(a, h, differentiable && keep, x, weight1, bias1, form);
    multiply_transposed(y, a, weight2, bias2, plus);
  }
  return record_fused(
      "mlp", y, std::array{x, weight1, bias1, weight2, bias2, plus},
      [form, kept_h = saved(h), kept_a = saved(keep ? a : Tensor())](const Tensor& dy, const auto& in,
                                                                     GradientSlots& slots) {
        Tensor slope = kept_h(), value = kept_a();
        if (!value.defined()) {
          slope = empty_like(kept_h()), value = empty_like(slope);
          kernels(dy).gelu_and_slope(value, slope, kept_h(), form);
        }
        weight_gradients(dy, value, slots, 3);
        if (in[5].defined()) slots.add(5, dy);
        value = {};
        if (!slots.needed(0) && !slots.needed(1) && !slots.needed(2)) return;
        const Tensor dh = empty_like(slope);
        kernels(dy).matmul_times(rows_of(dh), rows_of(dy), blas_readable(in[3]), rows_of(slope));
        slope = {};
        linear_backward(dh, in[0], blas_readable(in[1]), slots);
      },
      [form](const Tensor& x_in, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2,
             const Tensor& added) {
        return linear_reference(gelu(linear_reference(x_in, w1, b1), form), w2, b2, added);
      });
}

}  // namespace lockstep
