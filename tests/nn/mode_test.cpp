#include "nn/mode.h"

#include <gtest/gtest.h>

#include "core/ops.h"
#include "nn/dropout.h"

namespace lockstep::nn {
namespace {

std::vector<double> dropped(const Dropout& dropout, std::uint64_t step) {
  const TrainingMode training(3, step);
  return dropout(ones({200})).to_vector();
}

TEST(Mode, MasksDependOnPathAndStepAlone) {
  const Dropout first(Scope() / "first", 0.4), second(Scope() / "second", 0.4);
  const std::vector<double> mask = dropped(first, 7);
  EXPECT_EQ(dropped(first, 7), mask);
  EXPECT_NE(dropped(first, 8), mask);
  EXPECT_NE(dropped(second, 7), mask);
  {  // another module that drops before it shifts nothing
    const TrainingMode training(3, 7);
    second(ones({33}));
    EXPECT_EQ(first(ones({200})).to_vector(), mask);
    // The second call in a step has a mask of its own.
    EXPECT_NE(first(ones({200})).to_vector(), mask);
  }
}

TEST(Mode, DropsTheGivenShareAndKeepsTheMean) {
  const TrainingMode training(3, 0);
  const Dropout dropout(Scope() / "drop", 0.25);
  const Tensor y = dropout(ones({100000}));
  EXPECT_NEAR(mean(y).item(), 1, 0.01);
  EXPECT_NEAR(max(y).item(), 1 / 0.75, 1e-6);
}

TEST(Mode, TheInnermostCounts) {
  const Dropout dropout(Scope() / "drop", 0.5);
  EXPECT_EQ(Mode::current(), nullptr);
  EXPECT_THROW(dropout(ones({4})), Error);
  const TrainingMode training(3, 0);
  EXPECT_TRUE(dropout.is_active());
  {
    const EvaluationMode evaluation;
    EXPECT_FALSE(dropout.is_active());
  }
  EXPECT_TRUE(dropout.is_active());
  EXPECT_THROW(Dropout(Scope() / "drop", 1.5), Error);
}

}  // namespace
}  // namespace lockstep::nn
