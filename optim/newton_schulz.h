#pragma once

#include <array>
#include <span>

#include "core/tensor.h"

// The polar factor U V^T of a matrix X = U S V^T, the nearest orthogonal one, by matrix products alone.
// Tensors are one matrix or a batch of them, (..., rows, columns), contiguous.
namespace lockstep::optim {

struct NewtonSchulz {
  // Chosen by Keller Jordan for the steepest slope at 0; singular values end between about 0.7 and 1.2, not
  // at 1.
  std::array<double, 3> coefficients = {3.4445, -4.7750, 2.0315};
  int steps = 5;
  double eps = 1e-7;      // the least norm to divide by
  bool bfloat16 = false;  // round every matrix to bfloat16, as PyTorch and the original do
};

// Each y[i], written over, is about U V^T of x[i], all of one element type. With (a, b, c) the coefficients,
// from X = x / |x| on (Frobenius norm), for a wide x
//   A = X X^T,  X = a X + (b A + c A^2) X
// and for a tall one with A = X^T X on the right, so that A is as small as may be.
// The iteration runs in x's own precision, or rounded to bfloat16: then its noise is that of PyTorch, too.
void orthogonalize(std::span<const Tensor> y, std::span<const Tensor> x, const NewtonSchulz& options);
Tensor orthogonalize(const Tensor& x, const NewtonSchulz& options);

// U V^T to about 1e-7 (f32) or 1e-13 (f64), in f64: 16 steps of the same iteration raise every singular value
// above 1e-8 |x| to about 1, and 8 of the cubic one X = 3/2 X - 1/2 X X^T X (Higham, Functions of
// Matrices, 8.3), whose error falls by its square, take it there. Smaller ones, which the products cannot
// tell from 0, stay below 1.
void polar_factors(std::span<const Tensor> y, std::span<const Tensor> x);
Tensor polar_factor(const Tensor& x);

}  // namespace lockstep::optim
