#pragma once

#include <cstdint>

#include "core/conv_kernels.h"

// Convolutions with windows of 3 x 3 in the last two dimensions and step 1 by Winograd's F(2 x 2, 3 x 3)
// (core/cpu/simd/winograd.h): 16 matrix products over tiles that have 4/9 of the multiplications. A window
// that is longer in the first dimension is a sum of such ones; with `spacing` d the positions of each
// remainder by d are a convolution of their own. The rounding error is about that of the plain sums (README
// "Performance"). The bits depend neither on the number of threads nor on the vectors' width.
namespace lockstep::cpu {

// Whether it is there for this shape, and takes less time than products with columns; likewise for the
// gradient of x.
bool winograd_suits(const ConvShape& shape);
bool winograd_suits_backward_x(const ConvShape& shape);

// y = weight * x + bias; bias may be null. False if a number of y is not finite: a tile then mixes it into
// places whose windows it is not in, and y is to be formed in another way.
template <typename T>
bool winograd_forward(const ConvShape& shape, T* y, const T* x, const T* weight, const T* bias);

// The gradients, and false likewise.
template <typename T>
bool winograd_backward_x(const ConvShape& shape, T* dx, const T* dy, const T* weight);
template <typename T>
bool winograd_backward_weight(const ConvShape& shape, T* dweight, const T* dy, const T* x);

}  // namespace lockstep::cpu
