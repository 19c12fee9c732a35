#pragma once

#include "core/tensor.h"

namespace lockstep {

// Which rotation, and from which position on.
struct RopeOptions {
  std::int64_t offset = 0;  // position of the first token: how many a KV cache holds already
  double base = 10000;
  bool interleaved = false;  // pairs (2 i, 2 i + 1), as in the paper and GPT-J; false: (i, i + D / 2), LLaMA
};

// Rotary position embedding (Su et al. 2021, arXiv:2104.09864): x (..., T, D), D even. Pair i of token t is
// turned by the angle (offset + t) base^(-2 i / D), in radians. Of x's shape. Throws for an odd D.
Tensor rope(const Tensor& x, const RopeOptions& options = {});

}  // namespace lockstep
