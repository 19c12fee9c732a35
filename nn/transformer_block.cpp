#include "nn/transformer_block.h"

#include "core/ops/elementwise.h"

namespace lockstep::nn {
namespace {

std::optional<LayerNorm> norm(bool wanted, const Scope& scope, std::int64_t width) {
  if (!wanted) return std::nullopt;
  return LayerNorm(scope, {width});
}

}  // namespace

TransformerBlock::TransformerBlock(const Scope& scope, const TransformerBlockOptions& o)
    : mlp(scope / "mlp", {.hidden_size = o.hidden_size,
                          .mlp_dim = o.mlp_dim,
                          .dropout_rate = o.dropout_rate,
                          .act = o.act,
                          .init = o.linear_init}),
      norm1(norm(o.layer_norm, scope / "norm1", o.hidden_size)),
      attn(scope / "attn", {.hidden_size = o.hidden_size,
                            .num_heads = o.num_heads,
                            .dropout_rate = o.dropout_rate,
                            .qkv_bias = o.qkv_bias,
                            .save_attn = o.save_attn,
                            .causal = o.causal,
                            .sequence_length = o.sequence_length,
                            .include_fc = o.include_fc,
                            .use_combined_linear = o.use_combined_linear,
                            .use_flash_attention = o.use_flash_attention,
                            .qkv_init = o.qkv_init,
                            .out_init = o.linear_init}),
      norm2(norm(o.layer_norm, scope / "norm2", o.hidden_size)),
      norm_cross_attn(norm(o.layer_norm && (o.unused_norm || o.with_cross_attention),
                           scope / "norm_cross_attn", o.hidden_size)),
      trace(scope) {
  if (!o.with_cross_attention) return;
  cross_attn.emplace(scope / "cross_attn",
                     CrossAttentionBlockOptions{.hidden_size = o.hidden_size,
                                                .num_heads = o.num_heads,
                                                .dropout_rate = o.dropout_rate,
                                                .qkv_bias = o.qkv_bias,
                                                .use_flash_attention = o.use_flash_attention,
                                                .qkv_init = o.qkv_init,
                                                .out_init = o.linear_init});
}

Tensor TransformerBlock::operator()(const Tensor& x, const Tensor& context, const Tensor& attn_mask,
                                    const Positions& wanted) const {
  const auto normed = [](const std::optional<LayerNorm>& layer, const Tensor& t) {
    return layer ? (*layer)(t) : t;
  };
  const Tensor before = trace("resid_pre", x);
  Tensor y = attn(trace("norm1", normed(norm1, before)), attn_mask, wanted, wanted.of(before));
  if (cross_attn) y = y + (*cross_attn)(normed(norm_cross_attn, y), context);
  y = trace("resid_mid", y);
  return trace("resid_post", mlp(trace("norm2", normed(norm2, y)), y));
}

}  // namespace lockstep::nn
