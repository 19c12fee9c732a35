#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/error.h"
#include "train/statistics/statistics.h"

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

// The 15 p-values of Benjamini and Hochberg (J. R. Statist. Soc. B 57 (1995), section 4.1); adjusted by
// statsmodels 0.15, multipletests(p, method="holm").
TEST(Holm, AgreesWithStatsmodels) {
  expect_near(holm(std::vector{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                               0.4262, 0.5719, 0.6528, 0.7590, 1.0000}),
              {0.0015, 0.0056, 0.0247, 0.1140, 0.2211, 0.2780, 0.2780, 0.2780, 0.3213, 1, 1, 1, 1, 1, 1});
}

TEST(Holm, RefusesWhatIsNoPValue) {
  EXPECT_THROW(holm(std::vector{0.5, 1.01}), Error);
  EXPECT_THROW(holm(std::vector{-0.1}), Error);
  EXPECT_THROW(holm(std::vector{std::numeric_limits<double>::quiet_NaN()}), Error);
}

}  // namespace
}  // namespace lockstep::train
