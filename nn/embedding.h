#pragma once

#include <optional>

#include "core/ops/embedding.h"
#include "nn/scope.h"

namespace lockstep::nn {

// First values, and a row that stands for nothing.
struct EmbeddingOptions {
  Init init = init::Normal{};
  // PyTorch's padding_idx: this row begins at 0 and is never trained.
  std::optional<std::int64_t> padding = {};
};

// Rows of a table by index: i64 (...) -> (..., width). weight (rows, width), N(0, 1). Throws for a padding
// row outside the table, and for an index outside it.
struct Embedding {
  Embedding(const Scope& scope, std::int64_t rows, std::int64_t width, const EmbeddingOptions& options = {})
      : padding(options.padding) {
    check(!padding || (*padding >= 0 && *padding < rows),
          "[Embedding] {}: expected a padding row in 0 ... {}, got {}", scope.path(), rows - 1,
          padding.value_or(0));
    Init init = options.init;
    init.zero_row = padding;
    weight = scope.parameter("weight", {rows, width}, init);
  }
  Tensor operator()(const Tensor& index) const { return embedding(weight, index, padding); }

  Tensor weight;
  std::optional<std::int64_t> padding;
};

}  // namespace lockstep::nn
