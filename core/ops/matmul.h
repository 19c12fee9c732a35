#pragma once

#include "core/tensor.h"

namespace lockstep {

// Matrix product with NumPy's rules: (..., m, k) x (..., k, n) -> (..., m, n), leading dimensions broadcast;
// a vector on the left is a row, on the right a column, and its dimension is dropped from the result.
Tensor matmul(const Tensor& a, const Tensor& b);

// x W^T + b over the last dimension: x (..., in), weight (out, in), bias (out) or undefined -> (..., out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace lockstep
