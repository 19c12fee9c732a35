#pragma once

#include "core/tensor.h"

namespace lockstep {

// Matrix product with NumPy's rules: (..., m, k) x (..., k, n) -> (..., m, n), leading dimensions broadcast;
// a vector on the left is a row, on the right a column, and its dimension is dropped from the result. Both
// f32 or both f64, of rank 1 or more; sizes k that differ throw.
Tensor matmul(const Tensor& a, const Tensor& b);

// x (..., rows, columns), or a copy of it if BLAS could not read its last two dimensions with a stride.
Tensor blas_readable(const Tensor& x);

}  // namespace lockstep
