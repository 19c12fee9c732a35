#include "nn/sa_block.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/autograd.h"
#include "nn/mode.h"
#include "tests/data/temp_folder.h"
#include "tests/nn/tensors.h"

namespace lockstep::nn {
namespace {

// Both storages of the same seed, initialised by part, hold the same numbers and are the same function.
TEST(SABlock, BothStoragesAreOneFunction) {
  const Init by_part(init::XavierUniform{}, Granularity::part, Granularity::part);
  SABlockOptions options{
      .hidden_size = 24, .num_heads = 4, .qkv_bias = true, .qkv_init = {.weight = by_part}};
  const Scope first(Seed{1}, f64), second(Seed{1}, f64);
  const SABlock combined(first / "attn", options);
  options.use_combined_linear = false;
  const SABlock separate(second / "attn", options);
  EXPECT_EQ(cat({separate.to_q->weight, separate.to_k->weight, separate.to_v->weight}, 0).to_vector(),
            combined.qkv->weight.to_vector());
  EXPECT_EQ(cat({separate.to_q->bias, separate.to_k->bias, separate.to_v->bias}, 0).to_vector(),
            combined.qkv->bias.to_vector());
  const Tensor x = normal({2, 10, 24}, "x");
  EXPECT_LT(largest(combined(x) - separate(x)), 1e-14);
}

// The fused path against the one that forms the weights, in every kind of masking.
TEST(SABlock, SavingTheWeightsChangesNothing) {
  const Tensor x = normal({2, 12, 24}, "x");
  const Tensor mask = from_values<std::uint8_t>({2, 12}, {1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1,  //
                                                          1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  for (const bool combined : {true, false}) {
    for (const bool causal : {true, false}) {
      for (const bool relative : {true, false}) {
        SABlockOptions options{.hidden_size = 24, .num_heads = 4, .causal = causal, .sequence_length = 12};
        options.use_combined_linear = combined;
        if (relative) options.rel_pos_embedding = RelPosEmbedding::decomposed, options.input_size = {3, 4};
        const Scope root(Seed{2}, f64);
        SABlock block(root, options);
        if (relative) {
          for (const Tensor& table : block.rel_positional_embedding->rel_pos_arr) {
            const NoGrad no_grad;
            Draws({"table", table, {{"table", 0, table.size(0)}}}, {3}).normal({"", 0, table.size(0)}, 0, 1);
          }
        }
        const Tensor padding = causal ? Tensor() : mask;
        const Tensor plain = block(x, padding);
        block.options.save_attn = true;
        EXPECT_LT(largest(plain - block(x, padding)), 1e-13);
        EXPECT_EQ(block.att_mat.shape(), (Dims{2, 4, 12, 12}));
        EXPECT_LT(largest(sum(block.att_mat, {-1}) - 1), 1e-14);
        if (causal) {  // MONAI's test: the strictly upper triangle is 0
          EXPECT_EQ(largest(triu(block.att_mat, 1)), 0);
        } else {  // and so are the columns of hidden keys
          EXPECT_EQ(largest(select(select(block.att_mat, 0, 0), -1, 2)), 0);
        }
      }
    }
  }
}

// A row without any key: zeros before out_proj, so its bias; MONAI gives NaN.
TEST(SABlock, AFullyMaskedRowIsNotNaN) {
  const Scope root(Seed{2}, f64);
  const SABlock block(root, {.hidden_size = 8, .num_heads = 2});
  const Tensor y = block(normal({1, 3, 8}, "x"), from_values<std::uint8_t>({1, 3}, {0, 0, 0}));
  EXPECT_EQ(largest(y - block.out_proj->bias), 0);
}

// MONAI's test grid in small: shapes, and a number of parameters that does not depend on the number of heads.
TEST(SABlock, ShapesOverTheGridOfOptions) {
  for (const int heads : {4, 6, 12}) {
    for (const bool include_fc : {true, false}) {
      for (const bool combined : {true, false}) {
        for (const std::vector<std::int64_t>& input : {std::vector<std::int64_t>{4, 6}, {2, 3, 4}}) {
          const Scope root;
          const SABlock block(root, {.hidden_size = 48,
                                     .num_heads = heads,
                                     .include_fc = include_fc,
                                     .use_combined_linear = combined});
          EXPECT_EQ(block(normal({2, 24, 48}, "x", DType::f32)).shape(), (Dims{2, 24, 48}));
          std::int64_t count = 0;
          for (const Parameter& p : root.parameters()) {
            count += p.tensor.numel();
            EXPECT_TRUE(include_fc || !p.name.starts_with("out_proj"));
          }
          EXPECT_EQ(count, 3 * 48 * 48 + (include_fc ? 48 * 49 : 0));
          const SABlock relative(root / "relative", {.hidden_size = 48,
                                                     .num_heads = heads,
                                                     .rel_pos_embedding = RelPosEmbedding::decomposed,
                                                     .input_size = input});
          EXPECT_EQ(relative(normal({2, 24, 48}, "x", DType::f32)).shape(), (Dims{2, 24, 48}));
        }
      }
    }
  }
}

TEST(SABlock, TakesAnyLeadingDimensions) {
  const Scope root(Seed{1}, f64);
  const SABlock block(root, {.hidden_size = 8,
                             .num_heads = 2,
                             .rel_pos_embedding = RelPosEmbedding::decomposed,
                             .input_size = {2, 2}});
  const Tensor x = normal({3, 2, 4, 8}, "x"), y = block(x);
  EXPECT_EQ(y.shape(), x.shape());
  EXPECT_LT(largest(select(select(y, 0, 1), 0, 1) - block(select(select(x, 0, 1), 0, 1))), 1e-14);
}

TEST(SABlock, AttentionTypeIsCastThereAndBack) {
  const Scope root(Seed{1}), wide(Seed{1});
  const SABlock plain(root, {.hidden_size = 8, .num_heads = 2});
  const SABlock cast(wide, {.hidden_size = 8, .num_heads = 2, .attention_dtype = DType::f64});
  const Tensor x = normal({2, 4, 8}, "x", DType::f32), y = cast(x);
  EXPECT_EQ(y.dtype(), DType::f32);
  EXPECT_LT(largest(y - plain(x)), 1e-6);
  backward(sum(y));
  EXPECT_TRUE(cast.qkv->weight.grad().defined());
}

TEST(SABlock, DropoutActsInTrainingAlone) {
  for (const double rate : {1.0 / 3, 2.0 / 3, 1.0}) {
    const Scope root(Seed{1}, f64);
    const SABlock block(
        root, {.hidden_size = 24, .num_heads = 4, .dropout_rate = rate, .use_flash_attention = true});
    const Tensor x = normal({2, 10, 24}, "x");
    EXPECT_THROW(block(x), Error);  // nothing says which
    const EvaluationMode evaluation;
    const std::vector<double> still = block(x).to_vector();
    EXPECT_EQ(block(x).to_vector(), still);
    const auto train = [&](std::uint64_t step) {
      const TrainingMode training(5, step);
      return block(x).to_vector();
    };
    EXPECT_NE(train(0), still);
    EXPECT_EQ(train(3), train(3));
    if (rate < 1) {
      EXPECT_NE(train(0), train(1));
    }
    EXPECT_EQ(block(x).to_vector(), still);
  }
}

std::string why(const SABlockOptions& options) {
  return error_of([&] { SABlock(Scope(), options); });
}

TEST(SABlock, RefusesWhatMonaiRefuses) {
  EXPECT_NE(why({.hidden_size = 8, .num_heads = 2, .dropout_rate = 1.5}).find("dropout_rate"),
            std::string::npos);
  EXPECT_NE(why({.hidden_size = 10, .num_heads = 4}).find("num_heads 4"), std::string::npos);
  EXPECT_NE(why({.hidden_size = 8, .num_heads = 2, .causal = true}).find("sequence_length"),
            std::string::npos);
  EXPECT_NE(why({.hidden_size = 8, .num_heads = 2, .save_attn = true, .use_flash_attention = true})
                .find("save_attn"),
            std::string::npos);
  EXPECT_NE(why({.hidden_size = 8,
                 .num_heads = 2,
                 .rel_pos_embedding = RelPosEmbedding::decomposed,
                 .input_size = {2, 2},
                 .use_flash_attention = true})
                .find("rel_pos_embedding"),
            std::string::npos);
  EXPECT_NE(why({.hidden_size = 8, .num_heads = 2, .dim_head = 0}).find("dim_head"), std::string::npos);
  const SABlock causal(Scope(), {.hidden_size = 8, .num_heads = 2, .causal = true, .sequence_length = 4});
  EXPECT_TRUE(contains(error_of([&] {
                         causal(normal({1, 5, 8}, "x", DType::f32));
                       }),
                       "5 tokens are more than the sequence_length 4"));
  EXPECT_TRUE(contains(error_of([&] {
                         causal(normal({1, 4, 8}, "x", DType::f32), ones({1, 4}, {DType::u8}));
                       }),
                       "takes no attn_mask: leave one of them out"));
}

}  // namespace
}  // namespace lockstep::nn
