#pragma once

#include "core/ops/attention.h"
#include "nn/dropout.h"
#include "nn/trace.h"

namespace lockstep::nn {

// What every attention block does between its projections: heads, softmax(scale q k^T + bias, masked),
// dropout on the weights, times v, heads side by side again. Fused where the weights themselves are not
// needed.
struct AttentionCore {
  AttentionCore(const Scope& scope, int num_heads_, double dropout_rate)
      : num_heads(num_heads_), drop_weights(scope / "drop_weights", dropout_rate), trace(scope) {}

  // q (..., T, heads D), k and v (..., S, heads D) -> (..., T, heads D). `saved`, where not null, gets the
  // weights (..., heads, T, S) before their dropout, without history.
  Tensor operator()(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options,
                    Tensor* saved = nullptr) const;
  // The same with q, k and v side by side: (..., T, 3 heads D).
  Tensor packed(const Tensor& qkv, const AttentionOptions& options, Tensor* saved = nullptr) const;

  int num_heads;
  Dropout drop_weights;
  TracePoint trace;  // q, k, v, scores, weights, heads
};

}  // namespace lockstep::nn
