#include "nn/transformer_encoder_layer.h"

#include "core/ops/elementwise.h"

namespace lockstep::nn {

TransformerEncoderLayer::TransformerEncoderLayer(const Scope& scope, const TransformerEncoderLayerOptions& o)
    : options(o),
      self_attn(scope / "self_attn", {.embed_dim = o.d_model,
                                      .num_heads = o.nhead,
                                      .dropout = o.dropout,
                                      .bias = o.bias,
                                      .in_proj_init = o.in_proj_init}),
      linear1(scope / "linear1", o.d_model, o.dim_feedforward, {.bias = o.bias}),
      linear2(scope / "linear2", o.dim_feedforward, o.d_model, {.bias = o.bias}),
      norm1(scope / "norm1", {o.d_model}, {.eps = o.layer_norm_eps, .bias = o.bias}),
      norm2(scope / "norm2", {o.d_model}, {.eps = o.layer_norm_eps, .bias = o.bias}),
      dropout(scope / "dropout", o.dropout),
      dropout1(scope / "dropout1", o.dropout),
      dropout2(scope / "dropout2", o.dropout),
      trace(scope) {}

Tensor TransformerEncoderLayer::operator()(const Tensor& input, const MultiheadAttentionMasks& masks) const {
  const auto attention = [&](const Tensor& t) { return dropout1(self_attn(t, t, t, masks)); };
  const auto feed_forward = [&](const Tensor& t) {
    const Tensor hidden = trace("activation", activate(trace("hidden", linear1(t)), options.activation));
    return dropout2(linear2(dropout(hidden)));
  };
  const Tensor x = trace("resid_pre", input);
  if (!options.norm_first) {
    const Tensor y = trace("resid_mid", norm1(x + attention(x)));
    return trace("resid_post", norm2(y + feed_forward(y)));
  }
  const Tensor y = trace("resid_mid", x + attention(norm1(x)));
  return trace("resid_post", y + feed_forward(norm2(y)));
}

}  // namespace lockstep::nn
