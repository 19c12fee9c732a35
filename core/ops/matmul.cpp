#include "core/ops/matmul.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// Whether BLAS can read the last two dimensions without a copy.
bool is_readable(const Tensor& x) {
  const std::int64_t rows = x.size(-2), columns = x.size(-1);
  const std::int64_t row_stride = x.strides()[x.rank() - 2], column_stride = x.strides().back();
  return (column_stride == 1 && row_stride >= columns) || (row_stride == 1 && column_stride >= rows);
}

Tensor readable(const Tensor& x) { return is_readable(x) ? x : clone(x); }

Tensor matrix_product(const Tensor& a, const Tensor& b) {
  Dims left = a.shape(), right = b.shape();
  for (Dims* batch : {&left, &right}) batch->erase(batch->rank() - 1), batch->erase(batch->rank() - 1);
  Dims shape = broadcast_shape(left, right, "matmul");
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  Tensor y = empty(shape, a.options());
  const NoGrad no_grad;
  kernels(y).matmul(y, readable(a), readable(b), false);
  return y;
}

// (rows, last dimension), contiguous: what a linear layer works on.
Tensor rows_of(const Tensor& x) {
  return contiguous(reshape(x, {x.numel() / x.shape().back(), x.shape().back()}));
}

}  // namespace

// y = a b;  da = dy b^T, db = a^T dy
Tensor matmul(const Tensor& a, const Tensor& b) {
  check(a.rank() > 0 && b.rank() > 0 && a.dtype() == b.dtype(),
        "[matmul] expected two real tensors of one type, got {} and {}", describe(a), describe(b));
  if (a.rank() == 1) {
    const Tensor y = matmul(reshape(a, {1, a.numel()}), b);
    Dims shape = y.shape();
    shape.erase(y.rank() - (b.rank() == 1 ? 1 : 2));
    return reshape(y, shape);
  }
  if (b.rank() == 1) {
    const Tensor y = matmul(a, reshape(b, {b.numel(), 1}));
    Dims shape = y.shape();
    shape.erase(y.rank() - 1);
    return reshape(y, shape);
  }
  check(a.size(-1) == b.size(-2), "[matmul] inner sizes differ: {} x {}: {} != {}", to_string(a.shape()),
        to_string(b.shape()), a.size(-1), b.size(-2));
  return record("matmul", matrix_product(a, b),
                wrt(a, [b = saved(b)](const Tensor& dy) { return matmul(dy, transpose(b(), -1, -2)); }),
                wrt(b, [a = saved(a)](const Tensor& dy) { return matmul(transpose(a(), -1, -2), dy); }));
}

// dx = dy W, dW = dy^T x, db = sum of dy over rows
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(weight.rank() == 2 && x.rank() > 0 && x.shape().back() == weight.size(1),
        "[linear] expected x (..., in) and weight (out, in), got {} and {}", describe(x), describe(weight));
  check(!bias.defined() || bias.shape() == Dims{weight.size(0)},
        "[linear] expected a bias of shape ({},), got {}", weight.size(0), describe(bias));
  check(x.dtype() == weight.dtype(), "[linear] element types differ: x {}, weight {}", describe(x),
        describe(weight));
  Dims shape = x.shape();
  shape[shape.rank() - 1] = weight.size(0);
  Tensor y = empty(shape, x.options());
  {
    const NoGrad no_grad;
    const Tensor rows = rows_of(y);
    if (bias.defined()) kernels(y).copy(rows, expand(bias, rows.shape()));
    kernels(y).matmul(rows, rows_of(x), transpose(weight, 0, 1), bias.defined());
  }
  return record_fused(
      "linear", y, std::array{x, weight, bias},
      [](const Tensor& dy, const auto& in, GradientSlots& slots) {
        const auto& [x_in, w, b] = in;
        const Tensor rows = rows_of(dy);
        if (slots.needed(0)) {
          const auto [dx, accumulate] = slots.target(0);
          kernels(dy).matmul(rows_of(dx), rows, w, accumulate);
        }
        if (slots.needed(1)) {
          const auto [dw, accumulate] = slots.target(1);
          kernels(dy).matmul(dw, transpose(rows, 0, 1), rows_of(x_in), accumulate);
        }
        if (slots.needed(2)) slots.add(2, sum(rows, {0}));
      },
      [](const Tensor& x_in, const Tensor& w, const Tensor& b) {
        const Tensor product = matmul(x_in, transpose(w, -1, -2));
        return b.defined() ? product + b : product;
      });
}

}  // namespace lockstep
