#pragma once

#include "core/ops/normalization.h"
#include "nn/scope.h"

// Normalisations; formulas: core/ops/normalization.h. Weights begin at 1, biases at 0.
namespace lockstep::nn {

// Over the trailing dimensions `shape`.
struct LayerNorm {
  LayerNorm(const Scope& scope, const Dims& shape, double eps_ = 1e-5, bool with_bias = true)
      : weight(scope.parameter("weight", shape, init::Constant{1})), eps(eps_) {
    if (with_bias) bias = scope.parameter("bias", shape, init::Constant{0});
  }
  Tensor operator()(const Tensor& x) const { return layer_norm(x, weight, bias, eps); }

  Tensor weight, bias;
  double eps;
};

struct RMSNorm {
  RMSNorm(const Scope& scope, const Dims& shape, double eps_ = 1e-6)
      : weight(scope.parameter("weight", shape, init::Constant{1})), eps(eps_) {}
  Tensor operator()(const Tensor& x) const { return rms_norm(x, weight, eps); }

  Tensor weight;
  double eps;
};

// x (N, channels, ...), over each of `groups` groups of neighbouring channels.
struct GroupNorm {
  GroupNorm(const Scope& scope, int groups_, std::int64_t channels, double eps_ = 1e-5)
      : weight(scope.parameter("weight", {channels}, init::Constant{1})),
        bias(scope.parameter("bias", {channels}, init::Constant{0})),
        groups(groups_),
        eps(eps_) {
    check(groups > 0 && channels % groups == 0, "[GroupNorm] {}: {} channels do not divide by {} groups",
          scope.path(), channels, groups);
  }
  Tensor operator()(const Tensor& x) const { return group_norm(x, groups, weight, bias, eps); }

  Tensor weight, bias;
  int groups;
  double eps;
};

}  // namespace lockstep::nn
