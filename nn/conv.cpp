#include "nn/conv.h"

#include <cmath>

namespace lockstep::nn {

Conv::Conv(const Scope& scope, std::int64_t in, std::int64_t out, const PerDim& kernel,
           const ConvOptions& options_)
    : options(options_) {
  check(!kernel.empty() && kernel.size() <= 3, "[Conv] {}: expected 1 to 3 kernel sizes, got {}",
        scope.path(), kernel.size());
  check(options.groups > 0 && in % options.groups == 0 && out % options.groups == 0,
        "[Conv] {}: {} and {} channels do not divide by {} groups", scope.path(), in, out, options.groups);
  Dims shape{out, in / options.groups};
  for (const std::int64_t size : kernel) shape.push_back(size);
  weight = scope.parameter("weight", shape, options.init.weight);
  if (!options.bias) return;
  const double bound = 1 / std::sqrt(static_cast<double>(shape.numel() / out));
  bias = scope.parameter("bias", {out}, options.init.bias.value_or(init::Uniform{-bound, bound}));
}

}  // namespace lockstep::nn
