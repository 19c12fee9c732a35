// Looking inside models by name.
#include "nn/trace.h"

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/decoder_only_transformer.h"
#include "nn/mode.h"
#include "nn/transformer_encoder_layer.h"
#include "nn/vit.h"

namespace lockstep::nn {
namespace {

DecoderOnlyTransformerOptions small(bool combined) {
  DecoderOnlyTransformerOptions options = copy_task_model();
  options.attn_layers_dim = 16;
  options.use_combined_linear = combined;
  return options;
}

Tensor tokens() {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < 2 * 8; ++i) values.push_back(i * 7 % 16);
  return from_values<std::int64_t>({2, 8}, values);
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const NoGrad no_grad;
  return max(abs(a - b)).item();
}

class Traced : public testing::TestWithParam<bool> {
 protected:
  Scope root_{Seed{0}, {.dtype = DType::f64}};
  DecoderOnlyTransformer model_{root_, small(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(Storage, Traced, testing::Bool(),
                         [](const auto& storage) { return storage.param ? "combined" : "separate"; });

TEST_P(Traced, NamesWhatIsComputedAndLeavesItEqual) {
  const Tensor plain = model_(tokens());
  const Trace trace;
  const Tensor logits = model_(tokens());
  EXPECT_LT(largest_difference(plain, logits), 1e-13);
  for (const char* name :
       {"embedding", "blocks.0.resid_pre", "blocks.0.norm1", "blocks.0.attn.q", "blocks.0.attn.k",
        "blocks.0.attn.v", "blocks.0.attn.scores", "blocks.0.attn.weights", "blocks.0.attn.heads",
        "blocks.0.attn.output", "blocks.0.resid_mid", "blocks.0.norm2", "blocks.0.mlp.hidden",
        "blocks.0.mlp.activation", "blocks.0.mlp.output", "blocks.0.resid_post", "blocks.1.resid_pre",
        "features", "logits"})
    EXPECT_TRUE(trace.has(name)) << name;
  EXPECT_EQ(trace.names().front(), "embedding");
  EXPECT_EQ(trace.names().back(), "logits");
  EXPECT_EQ(trace["blocks.1.attn.q"].shape(), (Dims{2, 4, 8, 4}));
  EXPECT_EQ(trace["blocks.1.attn.weights"].shape(), (Dims{2, 4, 8, 8}));
  EXPECT_EQ(trace["blocks.1.mlp.hidden"].shape(), (Dims{2, 8, 64}));
  EXPECT_TRUE(trace["logits"].is_same(logits));
  // Rows of weights sum to 1, and nothing looks ahead.
  const Tensor weights = trace["blocks.1.attn.weights"].detach();
  EXPECT_LT(largest_difference(sum(weights, {-1}), ones({2, 4, 8}, {DType::f64})), 1e-12);
  EXPECT_EQ(sum(slice(select(weights, -2, 3), -1, 4, 8)).item(), 0);
}

TEST_P(Traced, GivesGradientsOfWhatGoesOn) {
  Trace trace({"blocks.0.attn.*"});
  const Tensor loss = sum(square(model_(tokens())));
  const Tensor weights = trace["blocks.0.attn.weights"];
  const Tensor slope = grad(loss, std::vector{weights}).front();
  // The same by changing one weight.
  constexpr double step = 1e-6;
  const auto loss_with = [&](double added) {
    Trace changed({"logits"});
    changed.change("blocks.0.attn.weights", [&](const Tensor& x) {
      Tensor bump = zeros(x.shape(), x.options());
      bump.data<double>()[3 * 8 + 2] = added;  // sequence 0, head 0, query 3, key 2
      return x + bump;
    });
    const NoGrad no_grad;
    return sum(square(model_(tokens()))).item();
  };
  const double measured = (loss_with(step) - loss_with(-step)) / (2 * step);
  EXPECT_NEAR(slope.to_vector()[3 * 8 + 2], measured, 1e-6 * std::abs(measured) + 1e-9);
}

TEST_P(Traced, KnocksOutAHeadOrPatchesAPosition) {
  const Tensor plain = model_(tokens());
  Trace trace({"blocks.1.attn.heads"});
  trace.change("blocks.1.attn.heads", [](const Tensor& x) { return x * 0.0; });
  EXPECT_GT(largest_difference(plain, model_(tokens())), 1e-3);
  // Without the heads only the bias of out_proj is left.
  Trace inner({"blocks.1.attn.output"});
  inner.change("blocks.1.attn.heads", [](const Tensor& x) { return x * 0.0; });
  model_(tokens());
  const Tensor bias = model_.blocks[1].attn.out_proj->bias;
  EXPECT_EQ(largest_difference(select(inner["blocks.1.attn.output"], -2, 5), expand(bias, {2, 16})), 0);
  EXPECT_FALSE(trace.has("blocks.1.attn.output"));  // the outer one was not told
}

TEST_P(Traced, KeepsWhatIsNotAskedForFused) {
  const Tensor plain = model_(tokens());
  const Trace trace({"logits", "blocks.*.resid_post"});
  const Tensor logits = model_(tokens());
  EXPECT_EQ(plain.to_vector(), logits.to_vector());  // bit for bit: the same fused ops ran
  EXPECT_EQ(trace.names(),
            (std::vector<std::string>{"blocks.0.resid_post", "blocks.1.resid_post", "logits"}));
}

TEST(Trace, NamesWhatThereIs) {
  const Scope root(Seed{0});
  const DecoderOnlyTransformer model(root, small(true));
  Trace trace({"logits"});
  EXPECT_THROW(trace["logits"], Error);
  model(tokens());
  try {
    trace["blocks.7.attn.q"];
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[Trace] nothing was computed under the name blocks.7.attn.q: there are logits");
  }
  trace.change("logits", [](const Tensor& x) { return slice(x, -1, 0, 3); });
  EXPECT_THROW(model(tokens()), Error);
}

TEST(Trace, SeesImagesAndEncoders) {
  const EvaluationMode mode;
  const Scope root(Seed{0});
  const ViT vit(root / "vit", {.in_channels = 1,
                               .img_size = {8},
                               .patch_size = {4},
                               .hidden_size = 16,
                               .mlp_dim = 16,
                               .num_layers = 1,
                               .num_heads = 2,
                               .classification = true,
                               .spatial_dims = 2});
  const TransformerEncoderLayer layer(root / "layer", {.d_model = 16, .nhead = 2, .dim_feedforward = 32});
  const Trace trace;
  vit(zeros({1, 1, 8, 8}));
  layer(ones({1, 3, 16}));
  EXPECT_EQ(trace["vit.blocks.0.attn.weights"].shape(), (Dims{1, 2, 5, 5}));
  EXPECT_EQ(trace["vit.logits"].shape(), (Dims{1, 2}));
  EXPECT_EQ(trace["layer.self_attn.weights"].shape(), (Dims{1, 2, 3, 3}));
  EXPECT_EQ(trace["layer.hidden"].shape(), (Dims{1, 3, 32}));
}

}  // namespace
}  // namespace lockstep::nn
