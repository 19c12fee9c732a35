// The blocks around SABlock: what MONAI's options refuse, and what the fixtures do not hold.
#include <gtest/gtest.h>

#include "core/autograd.h"
#include "nn/nn.h"
#include "tests/data/temp_folder.h"
#include "tests/nn/tensors.h"

namespace lockstep::nn {
namespace {

template <typename Module, typename Options>
std::string why(const Options& options) {
  return error_of([&] { Module(Scope(), options); });
}

TEST(Family, CrossAttentionRefusesWhatMonaiRefuses) {
  const auto refused = [](const CrossAttentionBlockOptions& o) { return why<CrossAttentionBlock>(o); };
  EXPECT_TRUE(contains(refused({.hidden_size = 8, .num_heads = 2, .dropout_rate = -0.1}), "dropout_rate"));
  EXPECT_TRUE(contains(refused({.hidden_size = 10, .num_heads = 4}), "num_heads 4: change one of them"));
  EXPECT_EQ(refused({.hidden_size = 10, .num_heads = 4, .dim_head = 3}), "");
  EXPECT_TRUE(contains(refused({.hidden_size = 8, .num_heads = 2, .causal = true}), "needs sequence_length"));
  EXPECT_TRUE(
      contains(refused({.hidden_size = 8, .num_heads = 2, .save_attn = true, .use_flash_attention = true}),
               "set one of them to false"));
  EXPECT_TRUE(contains(refused({.hidden_size = 8,
                                .num_heads = 2,
                                .rel_pos_embedding = RelPosEmbedding::decomposed,
                                .input_size = {2, 2},
                                .use_flash_attention = true}),
                       "leave one of them out"));
  EXPECT_TRUE(contains(refused({.hidden_size = 8,
                                .num_heads = 2,
                                .rel_pos_embedding = RelPosEmbedding::decomposed,
                                .input_size = {4}}),
                       "input_size of 2 or 3 numbers"));
}

TEST(Family, BlocksRefuseWhatMonaiRefuses) {
  EXPECT_TRUE(contains(why<MLPBlock>(MLPBlockOptions{.hidden_size = 8, .dropout_rate = 2}), "[0, 1], got 2"));
  EXPECT_TRUE(contains(why<MLPBlock>(MLPBlockOptions{
                           .hidden_size = 8, .dropout_rate = 2, .dropout_mode = DropoutMode::vista3d}),
                       "[0, 1], got 2"));
  EXPECT_TRUE(contains(error_of([] { dropout_mode_from("vat"); }), "vit, swin or vista3d"));
  EXPECT_TRUE(contains(error_of([] { activation_from("gleu"); }), "geglu, gelu"));
  EXPECT_TRUE(contains(
      why<TransformerBlock>(TransformerBlockOptions{.hidden_size = 10, .mlp_dim = 8, .num_heads = 4}),
      "hidden_size 10 does not divide by num_heads 4"));
  EXPECT_TRUE(contains(
      why<SpatialAttentionBlock>(SpatialAttentionBlockOptions{.num_channels = 32, .num_head_channels = 5}),
      "num_channels 32 must divide by num_head_channels 5"));
  const auto patches = [](PatchEmbeddingBlockOptions o) {
    o.in_channels = 1;
    o.spatial_dims = 2;
    return why<PatchEmbeddingBlock>(o);
  };
  EXPECT_TRUE(contains(patches({.img_size = {4}, .patch_size = {8}, .hidden_size = 8}), "no larger than"));
  EXPECT_TRUE(contains(
      patches(
          {.img_size = {9}, .patch_size = {2}, .hidden_size = 8, .proj_type = PatchProjection::perceptron}),
      "img_size 9 must divide by patch_size 2"));
  EXPECT_TRUE(contains(patches({.img_size = {8}, .patch_size = {2}, .hidden_size = 10, .num_heads = 4}),
                       "hidden_size 10 does not divide by num_heads 4"));
  EXPECT_TRUE(contains(patches({.img_size = {8},
                                .patch_size = {2},
                                .hidden_size = 10,
                                .pos_embed_type = PositionEmbedding::sincos}),
                       "divides by 4 or 6"));
  EXPECT_TRUE(contains(why<ViT>(ViTOptions{.img_size = {8}, .patch_size = {2}, .dropout_rate = 1.5}),
                       "[0, 1], got 1.5"));
}

// With one more key of score 0 and value 0, the weights of the others shrink by 1 - their sum.
TEST(Family, ZeroAttentionIsOneMoreKey) {
  const Scope first(Seed{1}, f64), second(Seed{1}, f64);
  const MultiheadAttention plain(first, {.embed_dim = 8, .num_heads = 1});
  const MultiheadAttention zero(second, {.embed_dim = 8, .num_heads = 1, .add_zero_attn = true});
  const Tensor x = normal({2, 3, 8}, "x");
  for (const MultiheadAttentionMasks& masks :
       {MultiheadAttentionMasks{}, MultiheadAttentionMasks{.causal = true},
        MultiheadAttentionMasks{.key_padding = from_values<std::uint8_t>({2, 3}, {1, 0, 1, 1, 1, 0})},
        MultiheadAttentionMasks{.scores = normal({3, 3}, "bias")}}) {
    const auto [y, weights] = zero.with_weights(x, x, x, masks);
    ASSERT_EQ(weights.shape(), (Dims{2, 3, 4}));
    const Tensor given = slice(weights, -1, 0, 3);
    EXPECT_LT(largest(given - plain.with_weights(x, x, x, masks).weights * sum(given, {-1}, true)), 1e-14);
    EXPECT_GT(min(select(weights, -1, 3)).item(), 0);
    EXPECT_LT(largest(y - zero(x, x, x, masks)), 1e-14);
  }
}

// The added key and value are drawn last, and every query looks at them: in a causal attention, the first one
// at two keys.
TEST(Family, BiasKeyIsSeenByEveryQuery) {
  const Scope root(Seed{1}, f64);
  const MultiheadAttention block(root, {.embed_dim = 8, .num_heads = 2, .add_bias_kv = true});
  const ParameterList parameters = root.parameters();
  EXPECT_EQ(parameters.back().name, "bias_v");
  const Tensor x = normal({1, 3, 8}, "x");
  const Tensor weights = block.with_weights(x, x, x, {.causal = true}).weights;
  const std::vector<double> row = select(select(weights, 0, 0), 0, 0).to_vector();
  EXPECT_NEAR(row[0] + row[3], 1, 1e-15);
  EXPECT_GT(row[3], 0);
}

TEST(Family, PReLUHasASlopeToLearn) {
  const Scope root(Seed{1}, f64);
  const MLPBlock block(root, {.hidden_size = 4, .act = Activation::prelu});
  EXPECT_EQ(root.parameters().back().name, "fn.weight");
  const Tensor x = normal({3, 4}, "x");
  const auto with_slope = [&](double slope) { return block.linear2(leaky_relu(block.linear1(x), slope)); };
  EXPECT_LT(largest(block(x) - with_slope(0.25)), 1e-15);
}

// MONAI 1.6.1: manual_seed(0), PatchEmbeddingBlock(1, (4, 6), (2, 2), 8, 1, "perceptron", "fourier",
// spatial_dims=2, pos_embed_kwargs={"scales": [1.0, 2.0]})
TEST(Family, FourierPositionsAreMonais) {
  const Scope root(Seed{0}, {.rng = Rng::torch});
  const PatchEmbeddingBlock block(root, {.img_size = {4, 6},
                                         .patch_size = {2},
                                         .hidden_size = 8,
                                         .proj_type = PatchProjection::perceptron,
                                         .pos_embed_type = PositionEmbedding::fourier,
                                         .spatial_dims = 2,
                                         .scales = {1, 2}});
  EXPECT_EQ(block.position_embeddings.shape(), (Dims{1, 6, 8}));
  const std::vector<double> last = select(block.position_embeddings, 1, 5).to_vector();
  const std::vector<double> monai = {0.97806197,  0.065877177, -0.98164457, 0.71751231,
                                     -0.20831417, -0.99782771, -0.19071957, 0.69654584};
  for (std::size_t i = 0; i < monai.size(); ++i) EXPECT_NEAR(last[i], monai[i], 2e-6);
}

// Of the logits, and of every gradient of a loss that reads some of them.
TEST(Family, TheWantedPositionsAreThoseOfTheWholeSequence) {
  const Scope root(Seed{3}, f64);
  const DecoderOnlyTransformer model(root, {.num_tokens = 7,
                                            .max_seq_len = 6,
                                            .attn_layers_dim = 8,
                                            .attn_layers_depth = 2,
                                            .attn_layers_heads = 2,
                                            .final_norm = true});
  const Tensor tokens = from_values({2, 6}, std::vector<std::int64_t>{0, 3, 6, 1, 1, 2, 5, 4, 0, 2, 6, 3});
  const auto gradients = [&](const Tensor& logits) {
    for (Parameter p : root.parameters()) p.tensor.zero_grad();
    backward(sum(logits * normal(logits.shape(), "direction")));
    std::vector<Tensor> all;
    for (const Parameter& p : root.parameters())
      if (p.tensor.grad().defined()) all.push_back(clone(p.tensor.grad()));
    return all;
  };
  const Tensor whole = slice(model(tokens), -2, 2, 5), wanted = model(tokens, {}, {2, 5});
  EXPECT_LT(largest(whole - wanted), 1e-13);
  const std::vector<Tensor> expected = gradients(whole), got = gradients(wanted);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_LT(largest(got[i] - expected[i]), 1e-13) << i;
  EXPECT_TRUE(contains(error_of([&] { model(tokens, {}, {5, 8}); }), "5 ... 8 are not positions"));
}

TEST(Family, AClassifyingViTComputesTheClsTokenAlone) {
  const Scope root(Seed{4}, f64);
  const ViT model(root, {.img_size = {4},
                         .patch_size = {2},
                         .hidden_size = 8,
                         .mlp_dim = 12,
                         .num_layers = 2,
                         .num_heads = 2,
                         .classification = true,
                         .spatial_dims = 2});
  const Tensor x = normal({3, 1, 4, 4}, "x");
  EXPECT_LT(largest(model(x) - model.forward(x).output), 1e-14);
}

}  // namespace
}  // namespace lockstep::nn
