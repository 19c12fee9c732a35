#include "core/ops/reduce.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// x's shape with size 1 in the given dimensions (all of them if there are none).
Dims reduced_shape(const Tensor& x, const DimList& dims, const char* op) {
  Dims shape = x.shape();
  if (dims.empty()) std::fill(shape.begin(), shape.end(), 1);
  for (int dim : dims) shape[normalize_dim(dim, x.rank(), op)] = 1;
  return shape;
}

Tensor reduce(ReduceOp op, const Tensor& x, const Dims& shape) {
  Tensor y = empty(shape, x.options());
  kernels(y).reduce(op, y, x);
  return y;
}

// Drops the dimensions that a reduction left with size 1.
Tensor drop_dims(const Tensor& x, const DimList& dims) {
  Dims shape;
  std::vector<bool> dropped(static_cast<std::size_t>(x.rank()), dims.empty());
  for (int dim : dims) dropped[static_cast<std::size_t>(normalize_dim(dim, x.rank(), "reduce"))] = true;
  for (int i = 0; i < x.rank(); ++i) {
    if (!dropped[static_cast<std::size_t>(i)]) shape.push_back(x.shape()[i]);
  }
  return reshape(x, shape);
}

}  // namespace

// dx = dy, broadcast back
Tensor sum(const Tensor& x, const DimList& dims, bool keepdim) {
  const Tensor y = record("sum", reduce(ReduceOp::sum, x, reduced_shape(x, dims, "sum")),
                          wrt(x, [shape = x.shape()](const Tensor& dy) { return expand(dy, shape); }));
  return keepdim ? y : drop_dims(y, dims);
}

Tensor sum(const Tensor& x) { return sum(x, {}); }

Tensor mean(const Tensor& x, const DimList& dims, bool keepdim) {
  const Tensor total = sum(x, dims, keepdim);
  return total * (static_cast<double>(total.numel()) / static_cast<double>(x.numel()));
}

Tensor mean(const Tensor& x) { return mean(x, {}); }

// dx = dy, broadcast back
Tensor sum_to(const Tensor& x, const Dims& shape) {
  if (x.shape() == shape) return x;
  Dims aligned = shape;
  while (aligned.rank() < x.rank()) aligned.insert(0, 1);
  check(broadcast_shape(aligned, x.shape(), "sum_to") == x.shape(), "[sum_to] {} was not broadcast from {}",
        describe(x), to_string(shape));
  return reshape(record("sum_to", reduce(ReduceOp::sum, x, aligned),
                        wrt(x, [from = x.shape()](const Tensor& dy) { return expand(dy, from); })),
                 shape);
}

// dx = y (dy - sum(dy y))
Tensor softmax(const Tensor& x, int dim) {
  normalize_dim(dim, x.rank(), "softmax");
  Tensor y;
  {
    const NoGrad no_grad;
    const Tensor shifted = exp(x - reduce(ReduceOp::max, x, reduced_shape(x, {dim}, "softmax")));
    y = shifted / sum(shifted, {dim}, true);
  }
  return record("softmax", y, wrt(x, [dim](const Tensor& dy, const Tensor& out) {
                  return out * (dy - sum(dy * out, {dim}, true));
                }));
}

}  // namespace lockstep
