#pragma once

#include "core/ops/activations.h"
#include "core/ops/elementwise.h"
#include "nn/linear.h"

namespace lockstep::nn {

// The gated MLP of LLaMA, down_proj(silu(gate_proj(x)) up_proj(x)) (Shazeer 2020, arXiv:2002.05202), by
// Hugging Face's names: x (..., width) -> (..., width).
struct SwiGLU {
  SwiGLU(const Scope& scope, std::int64_t width, std::int64_t hidden,
         const LinearOptions& options = {.bias = false})
      : gate_proj(scope / "gate_proj", width, hidden, options),
        up_proj(scope / "up_proj", width, hidden, options),
        down_proj(scope / "down_proj", hidden, width, options) {}
  Tensor operator()(const Tensor& x) const { return down_proj(silu(gate_proj(x)) * up_proj(x)); }

  Linear gate_proj, up_proj, down_proj;
};

}  // namespace lockstep::nn
