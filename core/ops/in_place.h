#pragma once

#include "core/tensor.h"

// Changes of values in place: what shares y's memory changes with it, nothing is recorded, and whatever saved
// y for a gradient throws in the backward pass. x broadcasts to y. Throws Error for a y that requires a
// gradient, except inside NoGrad, and for one whose elements share memory (expand()).
namespace lockstep {

void copy_(const Tensor& y, const Tensor& x);  // y = x, broadcast and converted
void fill_(const Tensor& y, double value);
void lerp_(const Tensor& y, const Tensor& x, double weight);  // y += weight (x - y): a moving average

// x = x + y and so on: in place where nothing is recorded, as in PyTorch, else x becomes a new tensor. A leaf
// that requires a gradient is refused while ops are recorded.
Tensor& operator+=(Tensor& x, const Tensor& y);
Tensor& operator-=(Tensor& x, const Tensor& y);
Tensor& operator*=(Tensor& x, const Tensor& y);
Tensor& operator/=(Tensor& x, const Tensor& y);
Tensor& operator+=(Tensor& x, double c);
Tensor& operator-=(Tensor& x, double c);
Tensor& operator*=(Tensor& x, double c);
Tensor& operator/=(Tensor& x, double c);

}  // namespace lockstep
