// A batch of nothing, as the last one of a data set may be: an empty result, and gradients of 0.
#include <gtest/gtest.h>

#include <functional>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/nn.h"

namespace lockstep::nn {
namespace {

void expect_nothing(const Scope& root, const Tensor& y, const Dims& shape) {
  EXPECT_EQ(y.shape(), shape);
  backward(sum(y));
  for (const Parameter& p : root.parameters()) {
    const Tensor gradient = p.tensor.grad();
    EXPECT_TRUE(!gradient.defined() || max(abs(gradient)).item() == 0) << p.name;
  }
}

TEST(EmptyBatch, Blocks) {
  Scope root;
  const Tensor images = zeros({0, 1, 4, 4});
  for (const PatchProjection by : {PatchProjection::conv, PatchProjection::perceptron}) {
    const Scope scope = root / (by == PatchProjection::conv ? "conv" : "perceptron");
    const PatchEmbeddingBlock patches(scope, {.in_channels = 1,
                                              .img_size = {4},
                                              .patch_size = {2},
                                              .hidden_size = 4,
                                              .num_heads = 1,
                                              .proj_type = by,
                                              .spatial_dims = 2});
    expect_nothing(scope, patches(images), {0, 4, 4});
  }
  const SpatialAttentionBlock spatial(root / "spatial",
                                      {.spatial_dims = 2, .num_channels = 4, .norm_num_groups = 2});
  expect_nothing(root / "spatial", spatial(zeros({0, 4, 2, 2})), {0, 4, 2, 2});
  const TransformerBlock block(root / "block", {.hidden_size = 4, .mlp_dim = 8, .num_heads = 2});
  expect_nothing(root / "block", block(zeros({0, 3, 4})), {0, 3, 4});
  const LayerNorm norm(root / "norm", {3, 4}, {.affine = false});
  expect_nothing(root / "norm", norm(zeros({0, 3, 4}).set_requires_grad()), {0, 3, 4});
}

TEST(EmptyBatch, ADecoderOfNoSequencesAndOfNoTokens) {
  Scope root;
  const DecoderOnlyTransformer decoder(
      root, {.num_tokens = 3, .max_seq_len = 4, .attn_layers_dim = 4, .attn_layers_depth = 1});
  expect_nothing(root, decoder(zeros({0, 2}, {DType::i64})), {0, 2, 3});
  expect_nothing(root, decoder(zeros({2, 0}, {DType::i64})), {2, 0, 3});
}

}  // namespace
}  // namespace lockstep::nn
