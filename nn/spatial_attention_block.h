#pragma once

#include <optional>

#include "nn/norm.h"
#include "nn/sa_block.h"

namespace lockstep::nn {

// MONAI's options, in its order and with its defaults.
struct SpatialAttentionBlockOptions {
  int spatial_dims = 2;
  std::int64_t num_channels = 0;
  std::optional<std::int64_t> num_head_channels = {};  // default: one head
  int norm_num_groups = 32;
  double norm_eps = 1e-6;
  std::optional<DType> attention_dtype = {};
  bool include_fc = true;
  bool use_combined_linear = false;
  bool use_flash_attention = false;
};

// MONAI's self-attention between the points of an image: x + attn(norm(x)), x (B, num_channels, size...) ->
// the same shape.
struct SpatialAttentionBlock {
  SpatialAttentionBlock(const Scope& scope, const SpatialAttentionBlockOptions& options);
  Tensor operator()(const Tensor& x) const;

  GroupNorm norm;
  SABlock attn;
};

}  // namespace lockstep::nn
