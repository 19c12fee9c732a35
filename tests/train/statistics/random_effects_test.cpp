#include "train/statistics/random_effects.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "core/error.h"

namespace lockstep::train {
namespace {

TEST(RandomEffects, StudentsQuantiles) {  // scipy.stats.t.ppf(0.975, n)
  EXPECT_NEAR(t_quantile(0.95, 1), 12.706204736174694, 1e-9);
  EXPECT_NEAR(t_quantile(0.95, 2), 4.302652729749462, 1e-9);
  EXPECT_NEAR(t_quantile(0.95, 3), 3.1824463052837078, 1e-9);
  EXPECT_NEAR(t_quantile(0.95, 4), 2.7764451051977934, 1e-9);
  EXPECT_NEAR(t_quantile(0.95, 11), 2.200985160091639, 1e-9);
  EXPECT_NEAR(t_quantile(0.95, 30), 2.0422724563012378, 1e-9);
}

// Thirteen trials of the BCG vaccine (Colditz et al. 1994): log risk ratios and their variances. statsmodels
// 0.14, combine_effects(y, v, method_re="iterated", use_t=True); the prediction interval by its formula.
TEST(RandomEffects, TheVaccineTrials) {
  const std::vector<double> effects = {-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209,
                                       0.0120,  -0.4694, -1.3713, -0.3394, 0.4459,  -0.0173},
                            variances = {0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230,
                                         0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714};
  const RandomEffects all = random_effects(effects, variances);
  EXPECT_EQ(all.studies, 13u);
  EXPECT_NEAR(all.tau * all.tau, 0.3180824398739576, 1e-8);
  EXPECT_NEAR(all.mean, -0.7149703054400063, 1e-8);
  EXPECT_NEAR(all.confidence.lower, -1.1091056355664155, 1e-7);
  EXPECT_NEAR(all.confidence.upper, -0.32083497531359695, 1e-7);
  EXPECT_NEAR(all.prediction.lower, -2.0185877702217567, 1e-7);
  EXPECT_NEAR(all.prediction.upper, 0.5886471593417442, 1e-7);
}

// Nothing beyond the studies' own errors: the mean of inverse variances, its interval not narrower than
// theirs.
TEST(RandomEffects, StudiesThatAgree) {
  const std::vector<double> effects = {1, 1.1, .9, 1.05, .95, 1}, variances = {.04, .05, .09, .04, .06, .05};
  const RandomEffects all = random_effects(effects, variances);
  EXPECT_EQ(all.tau, 0);
  EXPECT_NEAR(all.mean, 1.0110849056603772, 1e-9);
  EXPECT_NEAR((all.confidence.upper - all.confidence.lower) / 2, 2.5705818356363146 * 0.09214426752509268,
              1e-9);
}

// A study without spread counts, but not for everything; less than three say nothing.
TEST(RandomEffects, VariancesOfZeroAndTooFew) {
  const std::vector<double> effects = {0, 4, -2, 3, 1, 0}, variances = {0, 1, 1, 1, 1, 0};
  const RandomEffects all = random_effects(effects, variances);
  EXPECT_TRUE(std::isfinite(all.mean) && all.tau > 1) << all.mean << " " << all.tau;
  EXPECT_THROW(random_effects(std::span(effects).first(2), std::span(variances).first(2)), Error);
}

// 95% of the intervals hold the mean, and of the prediction intervals the next effect.
TEST(RandomEffects, IntervalsCoverWhatTheySay) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  constexpr int rounds = 4'000, studies = 6;
  int mean_covered = 0, next_covered = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> effects, variances;
    for (int i = 0; i < studies; ++i) {
      const double error = 0.3 + 0.2 * i;
      effects.push_back(5 + 2 * normal(random) + error * normal(random));
      variances.push_back(error * error);
    }
    const RandomEffects all = random_effects(effects, variances);
    mean_covered += all.confidence.contains(5);
    next_covered += all.prediction.contains(5 + 2 * normal(random));
  }
  EXPECT_GT(mean_covered, 0.93 * rounds);
  EXPECT_LT(mean_covered, 0.98 * rounds);
  EXPECT_GT(next_covered, 0.93 * rounds);
  EXPECT_LT(next_covered, 0.98 * rounds);
}

}  // namespace
}  // namespace lockstep::train
