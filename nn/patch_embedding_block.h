#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace lockstep::nn {

// MONAI's words: how a patch becomes a vector, and where its position comes from.
enum class PatchProjection : std::uint8_t { conv, perceptron };
enum class PositionEmbedding : std::uint8_t { none, learnable, sincos, fourier };
// The words above; throw for another.
PatchProjection patch_projection_from(const std::string& name);
PositionEmbedding position_embedding_from(const std::string& name);

// MONAI's options, in its order and with its defaults. img_size and patch_size: one number for all
// dimensions, or one for each.
struct PatchEmbeddingBlockOptions {
  std::int64_t in_channels = 1;
  std::vector<std::int64_t> img_size = {};
  std::vector<std::int64_t> patch_size = {};
  std::int64_t hidden_size = 0;
  int num_heads = 1;  // only checked: hidden_size must divide by it
  PatchProjection proj_type = PatchProjection::conv;
  // none: position_embeddings are there and zero, and trained as in MONAI. sincos, fourier: fixed.
  PositionEmbedding pos_embed_type = PositionEmbedding::learnable;
  double dropout_rate = 0;
  int spatial_dims = 3;
  double temperature = 10000;        // of sincos
  std::vector<double> scales = {1};  // of fourier: the features' standard deviation, for all axes or for each
};

// Images in patches: x (B, in_channels, size...) -> (B, patches, hidden_size). As in MONAI, a convolution
// keeps PyTorch's first values, while a perceptron's weight and the learnable positions begin as
// trunc_normal(0.02). Throws for numbers that are neither one nor one for each dimension, a patch larger than
// the image, with a perceptron also one that does not divide it, and an odd hidden_size with fourier
// positions.
struct PatchEmbeddingBlock {
  PatchEmbeddingBlock(const Scope& scope, const PatchEmbeddingBlockOptions& options_);
  Tensor operator()(const Tensor& x) const;

  PatchEmbeddingBlockOptions options;  // with one img_size and patch_size for each dimension
  std::optional<Conv> convolution;     // patch_embeddings.weight, .bias
  std::optional<Linear> perceptron;  // patch_embeddings.1.weight, .bias; a patch is (p1, p2[, p3], channels)
  Tensor position_embeddings;        // (1, patches, hidden_size)
  Dropout dropout;
};

}  // namespace lockstep::nn
