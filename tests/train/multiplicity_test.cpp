#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.h"
#include "train/statistics.h"

namespace lockstep::train {
namespace {

void expect_near(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-12) << "at " << i;
}

TEST(Holm, KnownAdjustedValues) {
  // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
  expect_near(holm(std::vector{0.01, 0.04, 0.03, 0.005}), {0.03, 0.06, 0.06, 0.02});
  expect_near(holm(std::vector{0.5, 0.9, 0.6}), {1, 1, 1});
  expect_near(holm(std::vector{0.02, 0.02, 0.02}), {0.06, 0.06, 0.06});
  expect_near(holm(std::vector{0.037}), {0.037});
  expect_near(holm(std::vector<double>{}), {});
}

TEST(Holm, RefusesWhatIsNoPValue) {
  EXPECT_THROW(holm(std::vector{0.5, 1.01}), Error);
  EXPECT_THROW(holm(std::vector{-0.1}), Error);
  EXPECT_THROW(holm(std::vector{std::numeric_limits<double>::quiet_NaN()}), Error);
}

}  // namespace
}  // namespace lockstep::train
