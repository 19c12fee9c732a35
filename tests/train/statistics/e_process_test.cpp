#include "train/statistics/e_process.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>

#include "core/error.h"

namespace lockstep::train {
namespace {

// The formula, word by word, of all pairs.
double by_the_formula(const std::vector<double>& d, double theta, double m, int side) {
  double mean = 0;
  for (int j = -4; j <= 7; ++j) {
    double product = 1;
    for (const double value : d) {
      const double x = std::exp2(j) / m * side * (value - theta);
      product *= std::exp(x) / std::cosh(x);
    }
    mean += product / 12;
  }
  return mean;
}

TEST(EProcess, IsTheFormulaAtItsLargest) {
  const std::vector<double> d = {1.5, 2.25, 0.5, 1.75};
  const double m = 4;
  double different = 1, over = 1, under = 1;
  for (std::size_t n = 1; n <= d.size(); ++n) {
    const std::vector<double> first(d.begin(), d.begin() + static_cast<std::ptrdiff_t>(n));
    different = std::max(different, (by_the_formula(first, 0, m, 1) + by_the_formula(first, 0, m, -1)) / 2);
    over = std::max(over, by_the_formula(first, -m, m, 1));
    under = std::max(under, by_the_formula(first, m, m, -1));
  }
  EXPECT_NEAR(evidence(d, m).different, different, 1e-12);
  EXPECT_NEAR(evidence(d, m).equivalent, std::min(over, under), 1e-12);
}

TEST(EProcess, APairMultipliesByLessThanTwo) {
  for (std::size_t pairs = 1; pairs <= 12; ++pairs) {
    const double reached = evidence(std::vector<double>(pairs, 1e6), 1).different;
    EXPECT_LE(reached, (1 + 1e-12) * std::exp2(pairs) / 2);
    EXPECT_GT(reached, 0.99 * std::exp2(pairs) / 2);  // one of the two sides
  }
  // Nothing overflows.
  EXPECT_TRUE(std::isfinite(evidence(std::vector<double>(500, 1e300), 1e-3).different));
  EXPECT_THROW(evidence(std::vector<double>{1}, 0), Error);
  EXPECT_THROW(evidence(std::vector<double>{NAN}, 1), Error);
}

TEST(EProcess, TheSequenceEndsWhereAMeanIsRejected) {
  const std::vector<double> d = {6.1, 4.2, 5.5, 7.3, 3.9, 5.0, 6.6, 4.4};
  const Interval interval = confidence_sequence(d, 2);
  for (const double end : {interval.lower, interval.upper}) {
    const int side = end < 5 ? 1 : -1;
    double reached = 1;
    for (std::size_t n = 1; n <= d.size(); ++n)
      reached = std::max(reached, by_the_formula({d.begin(), d.begin() + std::ptrdiff_t(n)}, end, 2, side));
    EXPECT_NEAR(reached, 40, 1e-6);
  }
  EXPECT_TRUE(std::isinf(confidence_sequence(std::vector<double>(5, 3.0), 2).lower));
  // Never wider with more pairs.
  const Interval fewer = confidence_sequence(std::span(d).first(7), 2);
  EXPECT_GE(interval.lower, fewer.lower - 1e-9);
  EXPECT_LE(interval.upper, fewer.upper + 1e-9);
}

TEST(EHolm, CountsWhatCanBeTrueTogether) {
  const std::vector<Evidence> family = {{1000, 60}, {1, 2}, {50, 1}};
  const std::vector<FamilyP> p = e_holm(family);
  EXPECT_DOUBLE_EQ(p[0].different, 3 / 1000.0);  // three contrasts, of which at most three are true
  EXPECT_DOUBLE_EQ(p[0].equivalent, 3 / 60.0);
  EXPECT_DOUBLE_EQ(p[2].different, 0.05);  // two are left: 2 / 50 is less than what came before
  EXPECT_EQ(p[1].equivalent, 1);
  EXPECT_EQ(p[1].different, 1);
}

using Random = std::mt19937_64;
using Draw = std::function<double(Random&)>;  // symmetric about 0

const std::pair<std::string, Draw> drawn_shapes[] = {
    {"whole steps", [](Random& r) { return std::round(std::normal_distribution<double>(0, 4)(r)); }},
    {"ties", [](Random& r) { return double(std::uniform_int_distribution<int>(-1, 1)(r)) * 2; }},
    {"t4", [](Random& r) { return 2 * std::student_t_distribution<double>(4)(r); }}};

constexpr double tested_margin = 3.8;
constexpr std::size_t pairs_at_most = 30;

// The share of studies that a claim about one contrast is ever made in, looked at after each of 30 pairs.
double ever_claimed(const Draw& draw, double mean, bool rounded, double Evidence::*claim, double bound) {
  constexpr int studies = 2000;
  Random random(5);
  int claimed = 0;
  for (int study = 0; study < studies; ++study) {
    std::vector<double> d(pairs_at_most);
    for (double& value : d) value = rounded ? std::round(mean + draw(random)) : mean + draw(random);
    claimed += evidence(d, tested_margin).*claim >= bound;
  }
  return double(claimed) / studies;
}

const double three_standard_errors = 3 * std::sqrt(0.05 * 0.95 / 2000);

TEST(ErrorRates, LookingAfterEveryPairMakesNoFalseVerdictLikelier) {
  for (const auto& [shape, draw] : drawn_shapes) {
    EXPECT_LE(ever_claimed(draw, 0, false, &Evidence::different, 20), 0.05 + three_standard_errors) << shape;
    for (const double side : {-1, 1}) {
      EXPECT_LE(ever_claimed(draw, side * tested_margin, false, &Evidence::equivalent, 20),
                0.05 + three_standard_errors)
          << shape;
      // Rounded to whole steps they are not quite symmetric about 3.8.
      EXPECT_LE(ever_claimed(draw, side * tested_margin, true, &Evidence::equivalent, 20),
                0.05 + three_standard_errors)
          << shape;
    }
    // Nor is a claim never made.
    EXPECT_GT(ever_claimed(draw, 6, false, &Evidence::different, 20), 0.9) << shape;
    EXPECT_GT(ever_claimed(draw, 0, false, &Evidence::equivalent, 20), 0.7) << shape;
  }
}

// Six contrasts that share a part of every seed's luck, of three kinds of truth.
TEST(ErrorRates, AnyFalseVerdictAtAnyTimeIsRare) {
  constexpr int studies = 400;
  const std::vector<double> means = {0, 0, tested_margin, -tested_margin, 12, 0.5};
  for (const auto& [shape, draw] : drawn_shapes) {
    Random random(6);
    int wrong = 0;
    for (int study = 0; study < studies; ++study) {
      std::vector<std::vector<double>> samples(means.size());
      for (std::size_t i = 0; i < pairs_at_most; ++i) {
        const double shared = draw(random);
        for (std::size_t j = 0; j < means.size(); ++j)
          samples[j].push_back(means[j] + (shared + draw(random)) / std::sqrt(2.0));
      }
      std::vector<Evidence> family;
      for (const auto& sample : samples) family.push_back(evidence(sample, tested_margin));
      const std::vector<FamilyP> p = e_holm(family);
      bool any = false;
      for (std::size_t j = 0; j < means.size(); ++j) {
        any |= means[j] == 0 && p[j].different <= 0.05;
        any |= std::abs(means[j]) >= tested_margin && p[j].equivalent <= 0.05;
      }
      wrong += any;
    }
    EXPECT_LE(double(wrong) / studies, 0.05 + 3 * std::sqrt(0.05 * 0.95 / studies)) << shape;
  }
}

TEST(ErrorRates, TheSequenceHoldsTheMeanAtAllTimes) {
  constexpr int studies = 400;
  for (const auto& [shape, draw] : drawn_shapes) {
    Random random(7);
    int missed = 0;
    for (int study = 0; study < studies; ++study) {
      std::vector<double> d(pairs_at_most);
      for (double& value : d) value = 5 + draw(random);
      missed += !confidence_sequence(d, tested_margin).contains(5);
    }
    EXPECT_LE(double(missed) / studies, 0.05 + 3 * std::sqrt(0.05 * 0.95 / studies)) << shape;
  }
}

}  // namespace
}  // namespace lockstep::train
