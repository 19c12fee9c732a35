#pragma once

#include <optional>

#include "core/tensor.h"

// Normalisations: of x's shape and type, x f32 or f64. Weights and biases may be undefined. Var is over n,
// eps is added to it. Throws for a weight or bias that is not as said.
namespace lockstep {

// (x - mean) / sqrt(var + eps) * weight + bias, statistics over the trailing dimensions that weight (or bias)
// has, or over the last one if both are undefined. Ba et al. 2016, arXiv:1607.06450.
Tensor layer_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);

// x / sqrt(mean(x^2) + eps) * weight, the mean over the trailing dimensions that weight has, or over the last
// one. Without eps, as in PyTorch, the distance from 1 to the next number of x's type. Zhang and Sennrich
// 2019, arXiv:1910.07467.
Tensor rms_norm(const Tensor& x, const Tensor& weight = {}, std::optional<double> eps = {});

// x (N, C, ...): statistics over each of `groups` groups of neighbouring channels; weight and bias (C).
// Throws unless C divides by groups. Wu and He 2018, arXiv:1803.08494.
Tensor group_norm(const Tensor& x, int groups, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);

}  // namespace lockstep
