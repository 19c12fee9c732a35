#pragma once

#include <optional>

#include "nn/cross_attention_block.h"
#include "nn/mlp_block.h"
#include "nn/norm.h"
#include "nn/sa_block.h"

namespace lockstep::nn {

// MONAI's options, in its order and with its defaults, and below them Lockstep's own.
struct TransformerBlockOptions {
  std::int64_t hidden_size = 0;
  std::int64_t mlp_dim = 0;
  int num_heads = 1;
  double dropout_rate = 0;
  bool qkv_bias = false;
  bool save_attn = false;
  bool causal = false;
  std::optional<std::int64_t> sequence_length = {};
  bool with_cross_attention = false;
  bool use_flash_attention = false;
  bool include_fc = true;
  bool use_combined_linear = true;

  Activation act = Activation::gelu;
  bool layer_norm = true;  // false: no norm1, norm2, norm_cross_attn
  // MONAI has norm_cross_attn with and without a cross attention; false leaves the unused one out.
  bool unused_norm = true;
  LinearInit qkv_init = {};
  LinearInit linear_init = {};  // of all other layers
};

// MONAI's pre-norm transformer block:
//   x = x + attn(norm1(x));  [x = x + cross_attn(norm_cross_attn(x), context);]  x = x + mlp(norm2(x))
struct TransformerBlock {
  TransformerBlock(const Scope& scope, const TransformerBlockOptions& options);

  // x (..., S, hidden_size) -> the same shape, or the wanted positions; context (..., C, hidden_size),
  // attn_mask u8 (..., S), 0 hides.
  Tensor operator()(const Tensor& x, const Tensor& context = {}, const Tensor& attn_mask = {},
                    const Positions& wanted = {}) const;

  // In order of creation.
  MLPBlock mlp;
  std::optional<LayerNorm> norm1;
  SABlock attn;
  std::optional<LayerNorm> norm2, norm_cross_attn;
  std::optional<CrossAttentionBlock> cross_attn;
  TracePoint trace;  // norm1, norm2, resid_pre, resid_mid, resid_post
};

}  // namespace lockstep::nn
