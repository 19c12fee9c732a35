#include "core/ops/matmul.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

Tensor matrix_product(const Tensor& a, const Tensor& b) {
  Dims left = a.shape(), right = b.shape();
  for (Dims* batch : {&left, &right}) batch->erase(batch->rank() - 1), batch->erase(batch->rank() - 1);
  Dims shape = broadcast_shape(left, right, "matmul");
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  Tensor y = empty(shape, a.options());
  const NoGrad no_grad;
  kernels("matmul", a, b).matmul(y, blas_readable(a), blas_readable(b), false, {});
  return y;
}

}  // namespace

Tensor blas_readable(const Tensor& x) {
  const std::int64_t rows = x.size(-2), columns = x.size(-1);
  const std::int64_t row_stride = x.strides()[x.rank() - 2], column_stride = x.strides().back();
  const bool readable =
      (column_stride == 1 && row_stride >= columns) || (row_stride == 1 && column_stride >= rows);
  return readable ? x : clone(x);
}

// y = a b;  da = dy b^T, db = a^T dy
Tensor matmul(const Tensor& a, const Tensor& b) {
  check(a.rank() > 0 && b.rank() > 0 && is_real(a.dtype()) && a.dtype() == b.dtype(),
        "[matmul] expected vectors or matrices, both f32 or both f64, got {} and {}", describe(a),
        describe(b));
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

}  // namespace lockstep
