#include "train/cli/repro.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace lockstep::train {
namespace {

// MONAI's number: PyTorch's, per part, in exact arithmetic (tests/fixtures/monai_number.h5).
TEST(Repro, IsMonaisNumber) {
  const Repro repro = reproduce({});
  EXPECT_NEAR(repro.fresh.total(), 410444.26580847823, 1e-6);
  EXPECT_NEAR(repro.fresh.parts[0], 139296.43577743, 1e-6);
  EXPECT_NEAR(repro.fresh.parts[1], 137141.10058253, 1e-6);
  EXPECT_NEAR(repro.fresh.parts[2], 134006.72944852, 1e-6);
  EXPECT_EQ(fmt::format("{:.6f}", repro.first_inputs[0]), "0.726807");
  EXPECT_EQ(to_text(repro).substr(0, 9), "410444.28");
}

TEST(Repro, CopiedWeightsDifferByRoundingAndReseedingBringsTheSameDraws) {
  const Repro repro = reproduce({.seed = 5, .hidden = 48, .tokens = 16});
  EXPECT_LT(repro.copied.total(), 1e-6 * repro.fresh.total());
  EXPECT_EQ(repro.reseeded_no_bias.total(), 0);
  EXPECT_GT(repro.reseeded.parts[1], 1);
  EXPECT_GT(repro.reseeded.parts[2], 1);
}

TEST(Repro, OtherSettings) {
  EXPECT_NEAR(reproduce({.bias = false}).fresh.total(), 407914.22900648427, 1e-6);
  EXPECT_NEAR(reproduce({.seed = 1, .hidden = 96, .tokens = 64}).fresh.total(), 13845.80971216942, 1e-7);
  EXPECT_THROW(reproduce({.hidden = 0}), Error);
}

}  // namespace
}  // namespace lockstep::train
