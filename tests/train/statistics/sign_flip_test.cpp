#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "core/error.h"
#include "tests/train/statistics/maize.h"
#include "train/statistics/statistics.h"

namespace lockstep::train {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

const std::vector<double> six{2, 3, 1.5, 4, -0.5, 3.25};
const std::vector<double> tied{3, 3, 2, 4, 0, -1, 2, 5, 1, 3, 2, 2};

std::vector<double> shifted(std::vector<double> values, double by) {
  for (double& value : values) value += by;
  return values;
}

std::vector<double> scaled(std::vector<double> values, double by) {
  for (double& value : values) value *= by;
  return values;
}

std::vector<double> normals(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

TEST(SignFlip, FishersCountForDarwinsMaize) {
  const SignFlipTest test = sign_flip_test(maize);
  EXPECT_EQ(test.p_greater, 863 / 32768.0);
  EXPECT_EQ(test.p_two_sided, 2 * 863 / 32768.0);  // 0.05267
  EXPECT_TRUE(test.exact);
}

// scipy 1.17: permutation_test((d,), mean, permutation_type="samples", n_resamples=inf), times 2^n
TEST(SignFlip, AgreesWithScipy) {
  EXPECT_EQ(sign_flip_test(maize).p_less, 31933 / 32768.0);
  EXPECT_EQ(sign_flip_test(six).p_two_sided, 4 / 64.0);
  EXPECT_EQ(sign_flip_test(six).p_greater, 2 / 64.0);
  EXPECT_EQ(sign_flip_test(six).p_less, 63 / 64.0);
  EXPECT_EQ(sign_flip_test(tied).p_two_sided, 12 / 4096.0);
  EXPECT_EQ(sign_flip_test(tied).p_greater, 6 / 4096.0);
  EXPECT_EQ(sign_flip_test(tied).p_less, 4094 / 4096.0);
}

// The definition, spelled out: the sign patterns whose sum is at least as large.
TEST(SignFlip, AgreesWithCountingEverySignPattern) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::vector<double> d = normals(3 + seed % 8, seed);
    if (seed % 2)
      std::ranges::transform(d, d.begin(), [](double x) { return std::round(3 * x) / 10; });  // ties, inexact
    double observed = 0;
    for (double x : d) observed += x;
    int greater = 0, two_sided = 0;
    for (unsigned signs = 0; signs < 1u << d.size(); ++signs) {
      double sum = 0;
      for (std::size_t i = 0; i < d.size(); ++i) sum += signs >> i & 1 ? -d[i] : d[i];
      greater += sum >= observed - 1e-9;
      two_sided += std::abs(sum) >= std::abs(observed) - 1e-9;
    }
    EXPECT_EQ(sign_flip_test(d).p_greater, std::ldexp(greater, -static_cast<int>(d.size())))
        << "seed " << seed;
    EXPECT_EQ(sign_flip_test(d).p_two_sided, std::ldexp(two_sided, -static_cast<int>(d.size())))
        << "seed " << seed;
  }
}

TEST(SignFlip, TiesSurviveRounding) {
  // In tenths the sums of the patterns tie exactly, in binary only nearly.
  EXPECT_EQ(sign_flip_test(scaled(tied, 0.1)).p_two_sided, sign_flip_test(tied).p_two_sided);
  EXPECT_EQ(sign_flip_test(shifted(scaled(tied, 0.1), 1000), 1000).p_two_sided,
            sign_flip_test(tied).p_two_sided);
  EXPECT_EQ(sign_flip_test(std::vector{0.1, 0.2, -0.3}).p_two_sided, 1);
}

TEST(SignFlip, FewOrEqualDifferences) {
  EXPECT_EQ(sign_flip_test({}).p_two_sided, 1);
  EXPECT_EQ(sign_flip_test(std::vector{7.0}).p_two_sided, 1);
  EXPECT_EQ(sign_flip_test(std::vector(12, 0.0)).p_two_sided, 1);
  EXPECT_EQ(sign_flip_test(std::vector(12, 0.3)).p_two_sided, 2 / 4096.0);
  EXPECT_EQ(sign_flip_test(std::vector(12, 0.3), 0.3).p_two_sided, 1);
}

TEST(SignFlip, RefusesWhatIsNoNumber) {
  EXPECT_THROW(sign_flip_test(std::vector{1.0, infinity}), Error);
  EXPECT_THROW(sign_flip_interval(std::vector{1.0, std::nan("")}), Error);
  EXPECT_THROW(sign_flip_test(six, infinity), Error);
  EXPECT_THROW(sign_flip_interval(six, 1), Error);
  EXPECT_THROW(sign_flip_interval(six, 0), Error);
}

// From all 2^n - 1 subset means, sorted in numpy.
TEST(SignFlipInterval, KnownEnds) {
  const auto expect = [](const std::vector<double>& d, double level, double lower, double upper) {
    const Interval interval = sign_flip_interval(d, level);
    EXPECT_DOUBLE_EQ(interval.lower, lower) << level;
    EXPECT_DOUBLE_EQ(interval.upper, upper) << level;
    EXPECT_TRUE(interval.exact);
  };
  expect(maize, 0.95, -1 / 6.0, 41);
  expect(maize, 0.90, 3.75, 267 / 7.0);
  expect(maize, 0.99, -9.5, 47);
  expect(maize, 0.50, 85 / 6.0, 167 / 6.0);
  expect(six, 0.95, -0.5, 4);
  expect(six, 0.90, 0.75, 3.5);
  expect(six, 0.99, -infinity, infinity);
  expect(tied, 0.95, 8 / 7.0, 3.2);
  expect(tied, 0.90, 4 / 3.0, 3);
}

// The interval is what the test doesn't reject: a scan over hypothetical means, as fine as the ends lie
// apart.
TEST(SignFlipInterval, InvertsTheTest) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::vector<double> d = normals(6 + seed % 4, 100 + seed);
    if (seed % 3 == 0) std::ranges::transform(d, d.begin(), [](double x) { return std::round(2 * x); });
    for (double level : {0.5, 0.9, 0.95}) {
      const Interval interval = sign_flip_interval(d, level);
      for (double mean = -3; mean <= 3; mean += 0.0517) {
        EXPECT_EQ(interval.contains(mean), sign_flip_test(d, mean).p_two_sided > 1 - level)
            << "seed " << seed << " level " << level << " mean " << mean;
      }
      for (double end : {interval.lower, interval.upper}) {  // the ends belong to it, and nothing beyond
        const double outward = end == interval.lower ? -1e-9 : 1e-9;
        EXPECT_GT(sign_flip_test(d, end).p_two_sided, 1 - level) << "seed " << seed << " level " << level;
        EXPECT_LE(sign_flip_test(d, end + outward).p_two_sided, 1 - level)
            << "seed " << seed << " level " << level;
      }
    }
  }
}

TEST(SignFlipInterval, UnboundedUntilATestCanReject) {
  EXPECT_EQ(sign_flip_interval(normals(5, 1), 0.95).lower, -infinity);
  EXPECT_EQ(sign_flip_interval(normals(5, 1), 0.95).upper, infinity);
  EXPECT_TRUE(std::isfinite(sign_flip_interval(normals(6, 1), 0.95).lower));
  EXPECT_TRUE(std::isfinite(sign_flip_interval(normals(5, 1), 0.90).upper));
  EXPECT_EQ(sign_flip_interval({}, 0.95).lower, -infinity);
}

TEST(SignFlipInterval, EqualDifferencesLeaveOnePoint) {
  for (double value : {0.0, 0.3, -1e9, 1e-300}) {
    const Interval interval = sign_flip_interval(std::vector(12, value));
    EXPECT_EQ(interval.lower, value);
    EXPECT_EQ(interval.upper, value);
  }
}

TEST(SignFlipInterval, MovesScalesAndMirrorsWithTheData) {
  const Interval base = sign_flip_interval(tied);
  const Interval moved = sign_flip_interval(shifted(tied, 1000));
  EXPECT_NEAR(moved.lower, base.lower + 1000, 1e-10);
  EXPECT_NEAR(moved.upper, base.upper + 1000, 1e-10);
  const Interval tiny = sign_flip_interval(scaled(tied, 1e-9));
  EXPECT_NEAR(tiny.lower, base.lower * 1e-9, 1e-22);
  EXPECT_NEAR(tiny.upper, base.upper * 1e-9, 1e-22);
  const Interval mirrored = sign_flip_interval(scaled(tied, -1));
  EXPECT_DOUBLE_EQ(mirrored.lower, -base.upper);
  EXPECT_DOUBLE_EQ(mirrored.upper, -base.lower);
}

TEST(SignFlipInterval, GrowsWithTheLevelAroundTheMean) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const std::vector<double> d = normals(11, 200 + seed);
    Interval inner{summarize(d).mean, summarize(d).mean, true};
    for (double level : {0.2, 0.5, 0.8, 0.9, 0.95, 0.99}) {
      const Interval outer = sign_flip_interval(d, level);
      EXPECT_LE(outer.lower, inner.lower + 1e-12);
      EXPECT_GE(outer.upper, inner.upper - 1e-12);
      inner = outer;
    }
  }
}

// 27 heads in 40 tosses: with differences of +-1 the sign-flip test is the sign test, whose p is binomial.
TEST(SignFlip, SampledBeyondTheExactLimit) {
  std::vector<double> d(40, 1.0);
  std::fill(d.begin() + 27, d.end(), -1.0);
  const SignFlipTest test = sign_flip_test(d);
  const double p = 0.0192387;  // scipy: binom.sf(26, 40, 0.5)
  EXPECT_FALSE(test.exact);
  EXPECT_NEAR(test.p_greater, p, 4 * std::sqrt(p * (1 - p) / sampled_sign_flips));
  EXPECT_EQ(sign_flip_test(d).p_greater, test.p_greater);                                     // repeats
  EXPECT_EQ(sign_flip_test(std::vector(40, 1.0)).p_greater, 1.0 / (sampled_sign_flips + 1));  // never 0
}

TEST(SignFlipInterval, SampledAgreesWithTheSampledTestAndWithTheLargeSampleOne) {
  const std::vector<double> d = normals(70, 5);
  const Interval interval = sign_flip_interval(d);
  EXPECT_FALSE(interval.exact);
  EXPECT_GT(sign_flip_test(d, interval.lower).p_two_sided, 0.05);
  EXPECT_LE(sign_flip_test(d, interval.lower - 1e-6).p_two_sided, 0.05);
  EXPECT_GT(sign_flip_test(d, interval.upper).p_two_sided, 0.05);
  EXPECT_LE(sign_flip_test(d, interval.upper + 1e-6).p_two_sided, 0.05);
  const Summary summary = summarize(d);
  const double half_width = 1.9949 * summary.sd / std::sqrt(70);  // Student's t, 69 degrees of freedom
  EXPECT_NEAR(interval.lower, summary.mean - half_width, 0.1 * half_width);
  EXPECT_NEAR(interval.upper, summary.mean + half_width, 0.1 * half_width);
}

TEST(SignFlipInterval, ExactAndSampledMeetAtTheLimit) {
  std::vector<double> d = normals(max_exact_pairs, 9);
  const Interval exact = sign_flip_interval(d);
  d.push_back(summarize(d).mean);
  const Interval sampled = sign_flip_interval(d);
  EXPECT_TRUE(exact.exact);
  EXPECT_FALSE(sampled.exact);
  const double width = exact.upper - exact.lower;
  EXPECT_NEAR(sampled.lower, exact.lower, 0.06 * width);
  EXPECT_NEAR(sampled.upper, exact.upper, 0.06 * width);
}

TEST(Equivalence, AgreesWithScipyAndWithItsInterval) {
  // scipy, as above: the larger one-sided p of d + margin and d - margin
  EXPECT_EQ(equivalence_p(tied, 2), 2864 / 4096.0);
  EXPECT_EQ(equivalence_p(tied, 3), 312 / 4096.0);
  EXPECT_EQ(equivalence_p(tied, 3.5), 41 / 4096.0);
  EXPECT_EQ(equivalence_p(tied, 4), 10 / 4096.0);
  EXPECT_EQ(equivalence_p(scaled(tied, -1), 4), 10 / 4096.0);
  for (unsigned seed = 0; seed < 10; ++seed) {
    const std::vector<double> d = normals(10, 300 + seed);
    const Interval interval = sign_flip_interval(d, 0.9);
    for (double margin = 0.05; margin < 2; margin += 0.0613) {
      EXPECT_EQ(equivalence_p(d, margin) <= 0.05, -margin < interval.lower && interval.upper < margin);
    }
  }
}

TEST(Equivalence, OfEqualDifferencesAndOfTooFew) {
  EXPECT_EQ(equivalence_p(std::vector(12, 0.0), 2), 1 / 4096.0);
  EXPECT_EQ(equivalence_p(std::vector(4, 0.0), 2), 1 / 16.0);
  EXPECT_EQ(equivalence_p(std::vector(12, 2.0), 2), 1);
  EXPECT_EQ(equivalence_p({}, 2), 1);
  EXPECT_THROW(equivalence_p(tied, 0), Error);
}

}  // namespace
}  // namespace lockstep::train
