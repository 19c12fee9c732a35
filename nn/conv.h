#pragma once

#include "core/ops/conv.h"
#include "nn/linear.h"

namespace lockstep::nn {

struct ConvOptions {
  PerDim stride = {1};
  PerDim padding = {0};
  bool bias = true;
  LinearInit init = {};
};

// torch.nn.Conv1d, Conv2d and Conv3d, by the number of kernel sizes: x (..., in, spatial) -> (..., out,
// spatial'). weight (out, in, kernel...), bias (out).
struct Conv {
  Conv(const Scope& scope, std::int64_t in, std::int64_t out, const PerDim& kernel,
       const ConvOptions& options_ = {});
  Tensor operator()(const Tensor& x) const { return conv(x, weight, bias, options.stride, options.padding); }

  Tensor weight, bias;
  ConvOptions options;
};

}  // namespace lockstep::nn
