#pragma once

#include "core/tensor.h"

// Reductions. `dims` may be negative; no dims means all of them. keepdim keeps reduced dimensions with
// size 1.
namespace lockstep {

using DimList = std::vector<int>;

Tensor sum(const Tensor& x);
Tensor sum(const Tensor& x, const DimList& dims, bool keepdim = false);
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const DimList& dims, bool keepdim = false);

// The sum over whatever was broadcast from `shape` to x's shape: the adjoint of expand.
Tensor sum_to(const Tensor& x, const Dims& shape);

// y = exp(x) / sum(exp(x)) along dim
Tensor softmax(const Tensor& x, int dim);

}  // namespace lockstep
