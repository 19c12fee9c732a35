// The grid of MONAI's tests of SABlock, at its sizes: (512, hidden) tokens, every value of every option, and
// every pair of values where both are of the few.
#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random/random_tensors.h"
#include "nn/mode.h"
#include "nn/sa_block.h"

namespace lockstep::nn {
namespace {

TEST(MonaiGrid, ShapesNamesAndCounts) {
  const double rates[] = {0, 1.0 / 3, 2.0 / 3, 1};
  const std::int64_t widths[] = {360, 480, 600, 768};
  const int heads[] = {4, 6, 8, 12};
  const std::vector<std::int64_t> inputs[] = {{16, 32}, {8, 8, 8}};
  for (std::size_t i = 0; i < 8; ++i) {
    const bool relative = i % 2 == 1, include_fc = i / 2 % 2 == 0, combined = (i + i / 4) % 2 == 0;
    const std::int64_t width = widths[i / 2 % 4];
    const SABlockOptions options{
        .hidden_size = width,
        .num_heads = heads[(i + i / 4) % 4],
        .dropout_rate = rates[i % 4],
        .rel_pos_embedding = relative ? std::optional(RelPosEmbedding::decomposed) : std::nullopt,
        .input_size = inputs[i / 4],
        .include_fc = include_fc,
        .use_combined_linear = combined};
    SCOPED_TRACE(i);
    const Scope root;
    const SABlock block(root, options);
    const NoGrad no_grad;
    const TrainingMode training(0, 0);
    EXPECT_EQ(block(randn({1, 512, width})).shape(), (Dims{1, 512, width}));

    std::int64_t count = 0, tables = 0;
    for (const Parameter& p : root.parameters()) {
      (p.name.starts_with("rel_positional_embedding") ? tables : count) += p.tensor.numel();
      EXPECT_TRUE(include_fc || !p.name.starts_with("out_proj")) << p.name;
      EXPECT_FALSE(p.name.starts_with(combined ? "to_" : "qkv")) << p.name;
    }
    EXPECT_EQ(count, 3 * width * width + (include_fc ? width * width + width : 0));
    std::int64_t rows = 0;
    for (const std::int64_t n : options.input_size) rows += 2 * n - 1;
    EXPECT_EQ(tables, relative ? rows * width / options.num_heads : 0);
  }
}

// Its test of flash attention: equal to 1e-4. The weights that save_attn asks for are formed by ordinary ops.
TEST(MonaiGrid, FlashIsPlain) {
  const Tensor x = randn({2, 512, 360});
  const auto run = [&](bool flash) {
    return SABlock(Scope(), {.hidden_size = 360,
                             .num_heads = 4,
                             .save_attn = !flash,
                             .causal = true,
                             .sequence_length = 512,
                             .use_flash_attention = flash})(x);
  };
  EXPECT_LT(max(abs(run(true) - run(false))).item(), 1e-4);
}

}  // namespace
}  // namespace lockstep::nn
