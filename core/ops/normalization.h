#pragma once

#include <optional>

#include "core/tensor.h"

// Normalisations. Weights and biases may be undefined.
namespace lockstep {

// (x - mean) / sqrt(var + eps) * weight + bias, statistics over the trailing dimensions that weight (or bias)
// has, or over the last one if both are undefined.
Tensor layer_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

// x / sqrt(mean(x^2) + eps) * weight, the mean over the trailing dimensions that weight has, or over the last
// one. Without eps, as in PyTorch, the distance from 1 to the next number of x's type.
Tensor rms_norm(const Tensor& x, const Tensor& weight = {}, std::optional<double> eps = {});

// x (N, C, ...): statistics over each of `groups` groups of neighbouring channels; weight and bias (C).
Tensor group_norm(const Tensor& x, int groups, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);

}  // namespace lockstep
