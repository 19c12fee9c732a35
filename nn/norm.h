#pragma once

#include "core/ops/normalization.h"
#include "core/ops/views.h"
#include "nn/scope.h"

// Normalisations, of x's shape; formulas: core/ops/normalization.h. Weights begin at 1, biases at 0.
namespace lockstep::nn {

struct NormOptions {
  double eps = 1e-5;
  bool affine = true;  // false: no weight and no bias
  bool bias = true;
};

// Over the trailing dimensions `shape` of x (..., shape).
struct LayerNorm {
  LayerNorm(const Scope& scope, const Dims& shape_, const NormOptions& options = {})
      : shape(shape_), eps(options.eps) {
    if (options.affine) weight = scope.parameter("weight", shape, init::Constant{1});
    if (options.affine && options.bias) bias = scope.parameter("bias", shape, init::Constant{0});
  }
  Tensor operator()(const Tensor& x) const {
    if (weight.defined() || shape.rank() == 1) return layer_norm(x, weight, bias, eps);
    return reshape(layer_norm(flatten(x, -shape.rank()), {}, {}, eps), x.shape());
  }

  Tensor weight, bias;
  Dims shape;
  double eps;
};

// Likewise; weight of that shape, no bias.
struct RMSNorm {
  RMSNorm(const Scope& scope, const Dims& shape, std::optional<double> eps_ = {})
      : weight(scope.parameter("weight", shape, init::Constant{1})), eps(eps_) {}
  Tensor operator()(const Tensor& x) const { return rms_norm(x, weight, eps); }

  Tensor weight;
  std::optional<double> eps;  // none: rms_norm's own
};

// x (N, channels, ...), over each of `groups` groups of neighbouring channels.
struct GroupNorm {
  GroupNorm(const Scope& scope, int groups_, std::int64_t channels, const NormOptions& options = {})
      : groups(groups_), eps(options.eps) {
    check(groups > 0 && channels % groups == 0, "[GroupNorm] {}: {} channels do not divide by {} groups",
          scope.path(), channels, groups);
    if (options.affine) weight = scope.parameter("weight", {channels}, init::Constant{1});
    if (options.affine && options.bias) bias = scope.parameter("bias", {channels}, init::Constant{0});
  }
  Tensor operator()(const Tensor& x) const { return group_norm(x, groups, weight, bias, eps); }

  Tensor weight, bias;
  int groups;
  double eps;
};

}  // namespace lockstep::nn
