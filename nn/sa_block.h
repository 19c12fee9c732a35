#pragma once

#include <optional>
#include <vector>

#include "nn/attention_core.h"
#include "nn/linear.h"
#include "nn/positions.h"
#include "nn/relative_position.h"

namespace lockstep::nn {

// MONAI's one relative position (nn/relative_position.h).
enum class RelPosEmbedding : std::uint8_t { decomposed };

// MONAI's options, in its order and with its defaults, and below them Lockstep's own.
struct SABlockOptions {
  std::int64_t hidden_size = 0;
  int num_heads = 1;
  double dropout_rate = 0;  // on the attention weights and on the output
  bool qkv_bias = false;
  // Keeps the weights of the last call in att_mat.
  bool save_attn = false;
  // Default: hidden_size / num_heads. 0 is an error here; in MONAI it silently stands for the default.
  std::optional<std::int64_t> dim_head = {};
  std::optional<std::int64_t> hidden_input_size = {};  // width of x; default: hidden_size
  bool causal = false;
  std::optional<std::int64_t> sequence_length = {};  // the longest, wanted where causal
  std::optional<RelPosEmbedding> rel_pos_embedding = {};
  std::vector<std::int64_t> input_size = {};  // the grid that rel_pos_embedding works on
  // q, k and v are cast to it, and the result back to x's type. MONAI casts neither v nor back.
  std::optional<DType> attention_dtype = {};
  // false: no out_proj, and an output as wide as the heads are together, which may differ from x.
  bool include_fc = true;
  bool use_combined_linear = true;
  // Only checked: attention is always fused where it can be. In MONAI this path takes the mask in another
  // form and drops in evaluation, too; here it is the same function.
  bool use_flash_attention = false;

  LinearInit qkv_init = {};
  LinearInit out_init = {};
};

// MONAI's self-attention block: one combined projection (qkv), or three (to_q, to_k, to_v), which compute the
// same function. Rows of qkv.weight are q, k, v, each head by head; in both storages their logical names are
// q.weight, k.weight and v.weight. Creation order as in MONAI: out_proj, then qkv or to_q, to_k, to_v. Throws
// for options that MONAI refuses (nn/attention_checks.h).
struct SABlock {
  SABlock(const Scope& scope, const SABlockOptions& options_);

  // x (..., S, hidden_input_size) -> the same shape. attn_mask: u8 (..., S), 0 hides a key; a query without
  // any key to look at gives zeros before out_proj, where MONAI gives NaN. Where causal, throws for an
  // attn_mask and for S above sequence_length. With plus, of the result's shape: added to it, by out_proj
  // where nothing is done to its result.
  Tensor operator()(const Tensor& x, const Tensor& attn_mask = {}, const Positions& wanted = {},
                    const Tensor& plus = {}) const;

  SABlockOptions options;
  std::optional<Linear> out_proj, qkv, to_q, to_k, to_v;
  std::optional<DecomposedRelativePosition> rel_positional_embedding;
  AttentionCore core;
  Dropout drop_output;
  mutable Tensor att_mat;  // (..., heads, S, S), before dropout, without history; undefined unless save_attn

 private:
  AttentionOptions scores(const Tensor& q, const Tensor& attn_mask) const;
};

}  // namespace lockstep::nn
