#pragma once

#include "core/kernels.h"

namespace lockstep {

// x W^T + b over the last dimension: x (..., in), weight (out, in), bias (out) or undefined -> (..., out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// gelu(linear(x, weight, bias)) in one op.
Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Gelu form = Gelu::exact);

}  // namespace lockstep
