#pragma once

#include "core/ops/embedding.h"
#include "nn/scope.h"

namespace lockstep::nn {

// Rows of a table by index: i64 (...) -> (..., width). weight (rows, width), N(0, 1).
struct Embedding {
  Embedding(const Scope& scope, std::int64_t rows, std::int64_t width, const Init& init = init::Normal{})
      : weight(scope.parameter("weight", {rows, width}, init)) {}
  Tensor operator()(const Tensor& index) const { return embedding(weight, index); }

  Tensor weight;
};

}  // namespace lockstep::nn
