#pragma once

#include "core/kernels.h"

namespace lockstep {

// x W^T + b (+ plus) over the last dimension: x (..., in), weight (out, in), bias (out) or undefined, plus,
// such as a residual stream, (..., out) or undefined -> (..., out). All f32 or all f64.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Tensor& plus = {});

// gelu(linear(x, weight, bias)) in one op.
Tensor linear_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Gelu form = Gelu::exact);

// linear(linear_gelu(x, weight1, bias1), weight2, bias2, plus) in one op: x (..., in), weight1 (hidden, in),
// weight2 (out, hidden) -> (..., out). Where the hidden layer is large (8 MiB), its values are computed again
// in the backward pass instead of kept, which halves what a transformer's MLP saves.
Tensor mlp(const Tensor& x, const Tensor& weight1, const Tensor& bias1, const Tensor& weight2,
           const Tensor& bias2, Gelu form = Gelu::exact, const Tensor& plus = {});

}  // namespace lockstep
