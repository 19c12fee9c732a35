#pragma once

#include <optional>
#include <vector>

#include "nn/embedding.h"
#include "nn/transformer_block.h"

namespace lockstep::nn {

// MONAI's options, in its order and with its defaults, and below them Lockstep's own.
struct DecoderOnlyTransformerOptions {
  std::int64_t num_tokens = 0;
  std::int64_t max_seq_len = 0;
  std::int64_t attn_layers_dim = 0;
  int attn_layers_depth = 0;
  int attn_layers_heads = 1;
  bool with_cross_attention = false;
  double embedding_dropout_rate = 0;
  bool include_fc = true;
  bool use_combined_linear = false;
  bool use_flash_attention = false;

  double dropout_rate = 0;  // in the blocks
  bool qkv_bias = false;
  std::int64_t mlp_dim = 0;  // 0: 4 attn_layers_dim, as in MONAI
  bool causal = true;        // false: every position sees all, as an encoder
  Activation act = Activation::gelu;
  bool layer_norm = true;   // in the blocks
  bool unused_norm = true;  // TransformerBlockOptions::unused_norm
  bool final_norm = false;  // a layer norm "norm" before to_logits, as in GPT-2
  bool logits_bias = true;
  LinearInit qkv_init = {};
  LinearInit linear_init = {};  // of all other layers
  Init embedding_init = init::Normal{};
};

// The reference model of Lockstep's copy task: GPT-2's layout around MONAI's blocks, q, k and v with a bias
// that begins at zero, PyTorch's default initialisation elsewhere.
DecoderOnlyTransformerOptions copy_task_model();

// MONAI's decoder-only transformer: token and position embeddings, causal blocks, logits.
struct DecoderOnlyTransformer {
  DecoderOnlyTransformer(const Scope& scope, const DecoderOnlyTransformerOptions& options_);

  // tokens i64 (..., S) -> logits (..., S, num_tokens), or those of the wanted positions. context
  // (..., C, attn_layers_dim) for the cross attention. Throws for S above max_seq_len and for a token outside
  // 0 ... num_tokens - 1.
  Tensor operator()(const Tensor& tokens, const Tensor& context = {}, const Positions& wanted = {}) const;
  // What to_logits is given: (..., S, attn_layers_dim).
  Tensor features(const Tensor& tokens, const Tensor& context = {}, const Positions& wanted = {}) const;

  DecoderOnlyTransformerOptions options;
  Embedding token_embeddings, position_embeddings;
  Dropout embedding_dropout;
  std::vector<TransformerBlock> blocks;
  std::optional<LayerNorm> norm;
  Linear to_logits;
  TracePoint trace;  // embedding, features, logits
};

}  // namespace lockstep::nn
