#pragma once

#include "core/tensor.h"

// What rules that look at whole matrices need of them. All tensors are contiguous.
namespace lockstep::optim {

// sum(x^2), formed in f64.
double sum_of_squares(const Tensor& x);

// y += factor x
void accumulate(const Tensor& y, const Tensor& x, double factor);

// y *= factor
void scale(const Tensor& y, double factor);

}  // namespace lockstep::optim
