#include "train/study/rate_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"

namespace lockstep::train {
namespace {

// Tries what it is told to until the search ends.
TriedRates searched(const std::function<double(int)>& value) {
  TriedRates tried;
  while (const std::optional<int> step = next_step(tried)) {
    EXPECT_FALSE(tried.contains(*step)) << *step;
    tried[*step] = value(*step);
  }
  return tried;
}

TEST(RateSearch, TheGridGoesByFactorsOfSqrt2ToThreeDigits) {
  EXPECT_EQ(rate_at(0.0012345, 0), 0.0012345);
  EXPECT_EQ(rate_at(0.01, 1), 0.0141);
  EXPECT_EQ(rate_at(0.01, 2), 0.02);
  EXPECT_EQ(rate_at(0.01, 9), 0.226);
  EXPECT_EQ(rate_at(0.001, -1), 0.000707);
}

TEST(RateSearch, FindsTheMinimumWhereverItLies) {
  for (int minimum = -19; minimum <= 19; ++minimum) {
    const TriedRates tried = searched([&](int step) { return 1 + std::pow(step - minimum - 0.1, 2); });
    EXPECT_EQ(best_step(tried), minimum);
    EXPECT_TRUE(tried.contains(minimum - 1) && tried.contains(minimum + 1)) << minimum;
    EXPECT_LE(tried.size(), 12u) << minimum;
  }
}

// A rate that diverges, or that is given up, counts as infinitely bad.
TEST(RateSearch, GoesRoundWhatDiverges) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto above = [&](int limit) {
    return [=](int step) { return step > limit ? infinity : 100.0 - step; };
  };
  EXPECT_EQ(best_step(searched(above(7))), 7);
  EXPECT_EQ(best_step(searched(above(-9))), -9);  // the declared one diverges, too
}

TEST(RateSearch, AGridThatBracketsNothingIsAnError) {
  EXPECT_THROW(searched([](int step) { return 100.0 - step; }), Error);
  EXPECT_THROW(searched([](int step) { return 100.0 + step; }), Error);
  EXPECT_THROW(searched([](int) { return std::numeric_limits<double>::infinity(); }), Error);
}

}  // namespace
}  // namespace lockstep::train
