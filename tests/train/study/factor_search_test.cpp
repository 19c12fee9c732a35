#include "train/study/factor_search.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lockstep::train {
namespace {

// Tries what it is told to, where a function of the three steps tells the value.
TriedFactors walked(double (*value)(const PartFactors&)) {
  TriedFactors tried;
  while (const auto next = next_factors(tried)) {
    EXPECT_FALSE(tried.contains(*next));
    tried[*next] = value(*next);
    EXPECT_LT(tried.size(), 30u);
    if (tried.size() > 30) break;
  }
  return tried;
}

TEST(FactorSearch, FindsTheMinimumOfThreeThatDoNotInteract) {
  const TriedFactors tried = walked([](const PartFactors& f) {
    return std::pow(f[0] - 2, 2) + std::abs(f[1] + 1) + 0.1 * std::pow(f[2], 2);
  });
  EXPECT_EQ(best_factors(tried), (PartFactors{2, -1, 0}));
  EXPECT_LE(tried.size(), 11u);  // up to one beyond the best of each, and to both sides of the first
}

TEST(FactorSearch, StaysAtOneWhereNothingHelpsAndEndsWhereAllDoes) {
  EXPECT_EQ(best_factors(walked([](const PartFactors&) { return 1.0; })), (PartFactors{0, 0, 0}));
  EXPECT_EQ(best_factors(walked([](const PartFactors& f) { return double(-f[0] - f[1] + f[2]); })),
            (PartFactors{4, 4, -4}));
  EXPECT_EQ(walked([](const PartFactors& f) { return f == PartFactors{} ? 1.0 : INFINITY; }).size(), 7u);
}

TEST(FactorSearch, FactorsAreReadable) {
  EXPECT_EQ(factor_at(0), 1);
  EXPECT_EQ(factor_at(1), 1.414);
  EXPECT_EQ(factor_at(-2), 0.5);
}

}  // namespace
}  // namespace lockstep::train
