#pragma once

#include <array>

#include "core/tensor.h"

namespace lockstep::optim {

struct NewtonSchulz {
  // Chosen by Keller Jordan for the steepest slope at 0; singular values end between about 0.7 and 1.2, not
  // at 1.
  std::array<double, 3> coefficients = {3.4445, -4.7750, 2.0315};
  int steps = 5;
  double eps = 1e-7;      // the least norm to divide by
  bool bfloat16 = false;  // round every matrix to bfloat16, as PyTorch and the original do
};

// Replaces the matrix x = U S V^T by about U V^T, the nearest orthogonal one. With (a, b, c) the
// coefficients, from X = x / |x| on (Frobenius norm), for a wide x
//   A = X X^T,  X = a X + (b A + c A^2) X
// and for a tall one with A = X^T X on the right, so that A is as small as may be.
// The iteration runs in x's own precision, or rounded to bfloat16: then its noise is that of PyTorch, too.
void orthogonalize(const Tensor& x, const NewtonSchulz& options);

}  // namespace lockstep::optim
