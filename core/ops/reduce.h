#pragma once

#include "core/tensor.h"

// Reductions: x's shape without `dims`, or with size 1 there (keepdim); no dims means all of them. Sums are
// formed in f64. x is f32 or f64; in sum, max, min and prod also i64, in sum (to i64), max and min also u8.
namespace lockstep {

Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const DimList& dims, bool keepdim = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const DimList& dims, bool keepdim = false);

// The largest and the smallest element; the gradient is shared between equals. Throws for no elements.
Tensor max(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
Tensor min(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
Tensor prod(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
// log(sum(exp(x)))
Tensor logsumexp(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
// sum((x - mean)^2) / (n - correction)
Tensor var(const Tensor& x, const DimList& dims = {}, bool keepdim = false, double correction = 1);
Tensor stddev(const Tensor& x, const DimList& dims = {}, bool keepdim = false,
              double correction = 1);  // sqrt(var)
// sqrt(sum(x^2)). Where it is 0, as where stddev is, the gradient is 0.
Tensor norm(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
// y_i = x_0 + ... + x_i along dim
Tensor cumsum(const Tensor& x, int dim);

// The sum over whatever was broadcast from `shape` to x's shape: the adjoint of expand. Throws where `shape`
// does not broadcast to x's.
Tensor sum_to(const Tensor& x, const Dims& shape);

}  // namespace lockstep
