#include "core/ops/reduce.h"

#include <algorithm>
#include <limits>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/checks.h"
#include "core/ops/comparisons.h"
#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// x's shape with size 1 in the given dimensions (all of them if there are none).
Dims reduced_shape(const Tensor& x, const DimList& dims, const char* op) {
  Dims shape = x.shape();
  const auto named = named_dims(dims, x.rank(), op);
  for (int i = 0; i < x.rank(); ++i) {
    if (dims.empty() || named[static_cast<std::size_t>(i)]) shape[i] = 1;
  }
  return shape;
}

Tensor reduce(ReduceOp op, const Tensor& x, const Dims& shape) {
  const bool counts = op == ReduceOp::sum && !is_real(x.dtype());
  Tensor y = empty(shape, {counts ? DType::i64 : x.dtype(), x.device()});
  kernels(y).reduce(op, y, x);
  return y;
}

// Drops the dimensions that a reduction left with size 1.
Tensor drop_dims(const Tensor& x, const DimList& dims) {
  if (dims.empty()) return reshape(x, {});
  Dims shape;
  const auto named = named_dims(dims, x.rank(), "reduce");
  for (int i = 0; i < x.rank(); ++i) {
    if (!named[static_cast<std::size_t>(i)]) shape.push_back(x.shape()[i]);
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
  named_dims(dims, x.rank(), "mean");
  check_real("mean", x);
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

namespace {

// dx = dy, shared between the elements that equal y
Tensor extreme(const char* name, ReduceOp op, const Tensor& x, const DimList& dims, bool keepdim) {
  const Dims shape = reduced_shape(x, dims, name);
  check(x.numel() > 0 || shape.numel() == 0, "[{}] expected at least one element, got {}", name, describe(x));
  const Tensor y =
      record(name, reduce(op, x, shape), wrt(x, [x = saved(x), dims](const Tensor& dy, const Tensor& out) {
               Tensor chosen = empty_like(x());
               kernels(chosen).binary(BinaryOp::same, chosen, x(), out);
               return dy * (chosen / sum(chosen, dims, true));
             }));
  return keepdim ? y : drop_dims(y, dims);
}

}  // namespace

Tensor max(const Tensor& x, const DimList& dims, bool keepdim) {
  return extreme("max", ReduceOp::max, x, dims, keepdim);
}
Tensor min(const Tensor& x, const DimList& dims, bool keepdim) {
  return extreme("min", ReduceOp::min, x, dims, keepdim);
}

// Halves multiplied together until one is left: the gradients of these products are right for zeros, too.
Tensor prod(const Tensor& x, const DimList& dims, bool keepdim) {
  Tensor y = x;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (reduced_shape(x, dims, "prod")[dim] != 1) continue;
    if (x.size(dim) == 0) y = sum(y, dim, true) + 1;  // 1, with a history
    while (y.size(dim) > 1) {
      const std::int64_t half = y.size(dim) / 2;
      const Tensor product = slice(y, dim, 0, half) * slice(y, dim, half, 2 * half);
      y = y.size(dim) % 2 == 0 ? product : cat({product, slice(y, dim, 2 * half, y.size(dim))}, dim);
    }
  }
  return keepdim ? y : drop_dims(y, dims);
}

// dx = dy exp(x - y), where -inf - -inf is -inf (a row of nothing) and inf - inf is 0. Only a finite largest
// element can be subtracted and added again.
Tensor logsumexp(const Tensor& x, const DimList& dims, bool keepdim) {
  Tensor y;
  {
    const NoGrad no_grad;
    const double most = largest_of(x.dtype());
    const Tensor largest = clamp(reduce(ReduceOp::max, x, reduced_shape(x, dims, "logsumexp")), -most, most);
    y = log(sum(exp(x - largest), dims, true)) + largest;
  }
  y = record("logsumexp", y, wrt(x, [x = saved(x)](const Tensor& dy, const Tensor& out) {
               const Tensor finite = maximum(out, full({}, -largest_of(out.dtype()), out.options()));
               return dy * exp(where(x() == finite, zeros({}, out.options()), x() - finite));
             }));
  return keepdim ? y : drop_dims(y, dims);
}

// dx = dy 2 (x - mean) / (n - correction); where n <= correction, both are infinite as in PyTorch
Tensor var(const Tensor& x, const DimList& dims, bool keepdim, double correction) {
  Tensor total;
  {
    const NoGrad no_grad;
    total = sum(square(x - mean(x, dims, true)), dims, true);
  }
  const double count = static_cast<double>(x.numel()) / static_cast<double>(total.numel());
  const double factor = 1 / std::max(0.0, count - correction);
  const Tensor y = record("var", total * factor, wrt(x, [x = saved(x), dims, factor](const Tensor& dy) {
                            return dy * ((x() - mean(x(), dims, true)) * (2 * factor));
                          }));
  return keepdim ? y : drop_dims(y, dims);
}

namespace {

// y = sqrt(x);  dx = dy / (2 y), 0 where y is 0
Tensor sqrt_of_squares(const Tensor& x) {
  Tensor y;
  {
    const NoGrad no_grad;
    y = sqrt(x);
  }
  return record("sqrt", y, wrt(x, [](const Tensor& dy, const Tensor& out) {
                  const Tensor infinity = full({}, std::numeric_limits<double>::infinity(), out.options());
                  return dy / (where(out == 0, infinity, out) * 2);
                }));
}

}  // namespace

Tensor stddev(const Tensor& x, const DimList& dims, bool keepdim, double correction) {
  return sqrt_of_squares(var(x, dims, keepdim, correction));
}

Tensor norm(const Tensor& x, const DimList& dims, bool keepdim) {
  return sqrt_of_squares(sum(square(x), dims, keepdim));
}

// dx_i = dy_i + ... + dy_n
Tensor cumsum(const Tensor& x, int dim) {
  dim = normalize_dim(dim, x.rank(), "cumsum");
  check_real("cumsum", x);
  Tensor y = empty_like(x);
  kernels(y).cumsum(y, x, dim);
  return record("cumsum", y,
                wrt(x, [dim](const Tensor& dy) { return flip(cumsum(flip(dy, {dim}), dim), {dim}); }));
}

}  // namespace lockstep
