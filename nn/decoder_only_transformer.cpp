#include "nn/decoder_only_transformer.h"

#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep::nn {
namespace {

std::vector<TransformerBlock> make_blocks(const Scope& scope, const DecoderOnlyTransformerOptions& o) {
  std::vector<TransformerBlock> blocks;
  for (int i = 0; i < o.attn_layers_depth; ++i) {
    blocks.emplace_back(scope / i,
                        TransformerBlockOptions{.hidden_size = o.attn_layers_dim,
                                                .mlp_dim = o.mlp_dim == 0 ? 4 * o.attn_layers_dim : o.mlp_dim,
                                                .num_heads = o.attn_layers_heads,
                                                .dropout_rate = o.dropout_rate,
                                                .qkv_bias = o.qkv_bias,
                                                .causal = o.causal,
                                                .sequence_length = o.max_seq_len,
                                                .with_cross_attention = o.with_cross_attention,
                                                .use_flash_attention = o.use_flash_attention,
                                                .include_fc = o.include_fc,
                                                .use_combined_linear = o.use_combined_linear,
                                                .act = o.act,
                                                .layer_norm = o.layer_norm,
                                                .unused_norm = o.unused_norm,
                                                .qkv_init = o.qkv_init,
                                                .linear_init = o.linear_init});
  }
  return blocks;
}

std::optional<LayerNorm> final_norm(const Scope& scope, const DecoderOnlyTransformerOptions& o) {
  if (!o.final_norm) return std::nullopt;
  return LayerNorm(scope, {o.attn_layers_dim});
}

}  // namespace

DecoderOnlyTransformerOptions copy_task_model() {
  return {.num_tokens = 16,
          .max_seq_len = 32,
          .attn_layers_dim = 64,
          .attn_layers_depth = 2,
          .attn_layers_heads = 4,
          .qkv_bias = true,
          .unused_norm = false,
          .final_norm = true,
          .qkv_init = {.bias = init::Constant{0}}};
}

DecoderOnlyTransformer::DecoderOnlyTransformer(const Scope& scope, const DecoderOnlyTransformerOptions& o)
    : options(o),
      token_embeddings(scope / "token_embeddings", o.num_tokens, o.attn_layers_dim, {o.embedding_init}),
      position_embeddings(scope / "position_embeddings" / "embedding", o.max_seq_len, o.attn_layers_dim,
                          {o.embedding_init}),
      embedding_dropout(scope / "embedding_dropout", o.embedding_dropout_rate),
      blocks(make_blocks(scope / "blocks", o)),
      norm(final_norm(scope / "norm", o)),
      to_logits(scope / "to_logits", o.attn_layers_dim, o.num_tokens,
                {.bias = o.logits_bias, .init = o.linear_init}),
      trace(scope) {}

Tensor DecoderOnlyTransformer::features(const Tensor& tokens, const Tensor& context,
                                        const Positions& wanted) const {
  const std::int64_t length = tokens.size(-1);
  check(length <= options.max_seq_len, "[DecoderOnlyTransformer] {} tokens are more than max_seq_len {}",
        length, options.max_seq_len);
  const Tensor& places = position_embeddings.weight;
  Tensor x = trace("embedding",
                   embedding_dropout(token_embeddings(tokens) +
                                     (length == places.size(0) ? places : slice(places, 0, 0, length))));
  for (const TransformerBlock& block : blocks) {
    x = block(x, context, {}, &block == &blocks.back() ? wanted : Positions{});
  }
  if (blocks.empty()) x = wanted.of(x);
  return trace("features", norm ? (*norm)(x) : x);
}

Tensor DecoderOnlyTransformer::operator()(const Tensor& tokens, const Tensor& context,
                                          const Positions& wanted) const {
  return trace("logits", to_logits(features(tokens, context, wanted)));
}

}  // namespace lockstep::nn
