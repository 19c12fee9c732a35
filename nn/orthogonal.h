#pragma once

#include "core/tensor.h"

namespace lockstep::nn {

// Replaces a contiguous (rows, columns...) tensor A by Q of A = Q R with the diagonal of R positive:
// orthonormal columns; where there are fewer rows than columns, the same of A^T, so orthonormal rows.
// Computed in f64 by Householder reflections, whose Q is orthogonal to rounding whatever A is.
void householder_q(const Tensor& x);

}  // namespace lockstep::nn
