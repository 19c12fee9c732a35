#pragma once

#include <optional>
#include <vector>

#include "nn/attention_core.h"
#include "nn/linear.h"
#include "nn/relative_position.h"
#include "nn/sa_block.h"

namespace lockstep::nn {

// MONAI's options; those it shares with SABlock are explained there.
struct CrossAttentionBlockOptions {
  std::int64_t hidden_size = 0;
  int num_heads = 1;
  double dropout_rate = 0;
  std::optional<std::int64_t> hidden_input_size = {};   // width of x; default: hidden_size
  std::optional<std::int64_t> context_input_size = {};  // width of the context; default: hidden_size
  std::optional<std::int64_t> dim_head = {};
  bool qkv_bias = false;
  bool save_attn = false;
  bool causal = false;  // token t of x looks at the tokens 0 ... t of the context
  std::optional<std::int64_t> sequence_length = {};
  std::optional<RelPosEmbedding> rel_pos_embedding = {};
  std::vector<std::int64_t> input_size = {};
  std::optional<DType> attention_dtype = {};
  bool use_flash_attention = false;

  LinearInit qkv_init = {};
  LinearInit out_init = {};
};

// MONAI's cross-attention block: queries from x, keys and values from a context. Throws for options that
// MONAI refuses (nn/attention_checks.h).
struct CrossAttentionBlock {
  CrossAttentionBlock(const Scope& scope, const CrossAttentionBlockOptions& options_);

  // x (..., T, hidden_input_size), context (..., S, context_input_size), undefined: x itself -> x's shape.
  // Throws for more tokens than sequence_length, where causal, and with rel_pos_embedding unless S = T.
  Tensor operator()(const Tensor& x, const Tensor& context = {}) const;

  CrossAttentionBlockOptions options;
  Linear out_proj, to_q, to_k, to_v;
  std::optional<DecomposedRelativePosition> rel_positional_embedding;
  AttentionCore core;
  Dropout drop_output;
  mutable Tensor att_mat;  // (..., heads, T, S), as in SABlock
};

}  // namespace lockstep::nn
