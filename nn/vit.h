#pragma once

#include <optional>
#include <vector>

#include "nn/patch_embedding_block.h"
#include "nn/transformer_block.h"

namespace lockstep::nn {

// MONAI's options, in its order and with its defaults, and below them Lockstep's own.
struct ViTOptions {
  std::int64_t in_channels = 1;
  std::vector<std::int64_t> img_size = {};    // one number for all dimensions, or one for each
  std::vector<std::int64_t> patch_size = {};  // likewise
  std::int64_t hidden_size = 768;
  std::int64_t mlp_dim = 3072;
  int num_layers = 12;
  int num_heads = 12;
  PatchProjection proj_type = PatchProjection::conv;
  PositionEmbedding pos_embed_type = PositionEmbedding::learnable;
  bool classification = false;
  std::int64_t num_classes = 2;
  double dropout_rate = 0;
  int spatial_dims = 3;
  // "Tanh" after the classification head, as in MONAI by default; for a cross entropy, say false.
  bool post_activation = true;
  bool qkv_bias = false;
  bool save_attn = false;

  bool use_combined_linear = true;
  bool unused_norm = true;  // TransformerBlockOptions::unused_norm
  LinearInit qkv_init = {};
  LinearInit linear_init = {};  // of the blocks' other layers
};

// MONAI's vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929). With classification, a cls_token is
// put before the patches (after their positions) and the output is the head's, else it is norm(x).
struct ViT {
  ViT(const Scope& scope, const ViTOptions& options_);

  struct Output {
    Tensor output;                      // (B, num_classes) or (B, patches, hidden_size)
    std::vector<Tensor> hidden_states;  // of every block: (B, patches[ + 1], hidden_size)
  };
  // x (B, in_channels, size...)
  Output forward(const Tensor& x) const;
  // The output alone: for a classification, the last block computes no more than the cls_token's.
  Tensor operator()(const Tensor& x) const;

  ViTOptions options;
  PatchEmbeddingBlock patch_embedding;
  std::vector<TransformerBlock> blocks;
  LayerNorm norm;
  Tensor cls_token;                           // (1, 1, hidden_size), zeros at first
  std::optional<Linear> classification_head;  // called classification_head.0 where a Tanh follows it
  TracePoint trace;                           // embedding, features, logits

 private:
  Tensor embed(const Tensor& x) const;
  Tensor head(const Tensor& tokens) const;
};

}  // namespace lockstep::nn
