#pragma once

#include "core/ops/conv.h"
#include "nn/linear.h"

namespace lockstep::nn {

// The options of ConvGeometry (core/ops/conv.h), and what a module adds.
struct ConvOptions {
  PerDim stride = {1};
  PerDim padding = {0};
  PerDim dilation = {1};
  std::int64_t groups = 1;
  bool same = false;  // PyTorch's padding="same"
  bool bias = true;
  LinearInit init = {};
};

// torch.nn.Conv1d, Conv2d and Conv3d, by the number of kernel sizes: x (..., in, spatial) -> (..., out,
// spatial'). weight (out, in / groups, kernel...), bias (out). Throws for other than 1 to 3 kernel sizes.
struct Conv {
  Conv(const Scope& scope, std::int64_t in, std::int64_t out, const PerDim& kernel,
       const ConvOptions& options_ = {});
  Tensor operator()(const Tensor& x) const {
    const ConvOptions& o = options;
    return conv(x, weight, bias, {o.stride, o.padding, o.dilation, o.groups, o.same});
  }

  Tensor weight, bias;
  ConvOptions options;
};

}  // namespace lockstep::nn
