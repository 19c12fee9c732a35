#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/scope.h"

namespace lockstep::nn {

// First values of a layer's weight and bias. As PyTorch's layers without: the weight by
// kaiming_uniform(sqrt(5)), which is U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)), and the bias from the same
// interval.
struct LinearInit {
  Init weight = init::KaimingUniform{.a = 2.23606797749978969};
  std::optional<Init> bias = {};
};

// Rows that belong together: part "q" of the layer attn.qkv has the logical names attn.q.weight and
// attn.q.bias.
struct RowPart {
  std::string name;
  std::int64_t rows = 0;
  int heads = 1;
};

struct LinearOptions {
  bool bias = true;
  LinearInit init = {};
  std::vector<RowPart> parts = {};  // none: the layer is one
};

// y = x W^T + b (+ plus): x (..., in) -> (..., out), plus alike. weight (out, in), bias (out). Throws for
// parts that do not have `out` rows together.
struct Linear {
  Linear(const Scope& scope, std::int64_t in, std::int64_t out, const LinearOptions& options = {});
  Tensor operator()(const Tensor& x, const Tensor& plus = {}) const;

  Tensor weight, bias;
};

}  // namespace lockstep::nn
