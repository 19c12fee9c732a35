#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/error.h"
#include "tests/train/statistics/maize.h"
#include "train/statistics/statistics.h"

namespace lockstep::train {
namespace {

PairedSample finished(std::vector<double> differences) {
  PairedSample sample;
  sample.differences = std::move(differences);
  return sample;
}

Finding judge_one(std::vector<double> differences, double margin, const Criteria& criteria = {}) {
  const Comparison comparison{finished(std::move(differences)), margin};
  return judge({&comparison, 1}, criteria).front();
}

const std::vector<double> later{3, 4, 2, 3, 4, 3, 2, 4, 3, 2, 3, 4};
const std::vector<double> still{0, 1, -1, 0, 0, 1, 0, -1, 0, 1, 0, -1};
const std::vector<double> noisy{5, -6, 4, -3, 8, -2, 1, 6, -5, 2, -1, 3};

TEST(Verdict, ThreeKinds) {
  EXPECT_EQ(judge_one(later, 2).verdict, Verdict::different);
  EXPECT_FALSE(judge_one(later, 2).within_margin);
  EXPECT_EQ(judge_one(still, 2).verdict, Verdict::equivalent);
  EXPECT_EQ(judge_one(noisy, 2).verdict, Verdict::inconclusive);
  EXPECT_EQ(to_string(judge_one(noisy, 2).verdict), "inconclusive");
}

TEST(Verdict, SmallButRealIsDifferentWithinTheMargin) {
  const Finding finding = judge_one(later, 10);
  EXPECT_EQ(finding.verdict, Verdict::different);
  EXPECT_TRUE(finding.within_margin);
}

TEST(Verdict, NoDifferenceAtAllIsEquivalent) {
  const Finding finding = judge_one(std::vector(12, 0.0), 2);
  EXPECT_EQ(finding.verdict, Verdict::equivalent);
  EXPECT_EQ(finding.p_different, 1);
  EXPECT_EQ(finding.interval.lower, 0);
  EXPECT_EQ(finding.interval.upper, 0);
}

// Found on a GPU: the storages' last bits put twelve crossings of 119 steps apart by 7e-7 steps, all one way.
TEST(Verdict, WhatLossesInF32CannotTellApartIsNoDifference) {
  const auto judged = [](double difference) {
    std::vector<Outcome> a, b;
    for (int i = 0; i < 12; ++i) {
      a.push_back({100.0 + i});
      b.push_back({100.0 + i + difference * (1 + i % 3)});
    }
    const Comparison comparison{pair_by_seed(a, b), 5};
    return judge({&comparison, 1}).front();
  };
  for (const double too_small : {7e-7, -7e-7, 0.0}) {
    const Finding finding = judged(too_small);
    EXPECT_EQ(finding.verdict, Verdict::equivalent);
    EXPECT_EQ(finding.p_different, 1);
    EXPECT_NEAR(finding.difference.mean, 2 * too_small, 1e-12) << "it is shown as it is";
  }
  EXPECT_EQ(judged(1e-4).verdict, Verdict::different);
  EXPECT_TRUE(judged(1e-4).within_margin);
}

TEST(Verdict, TooFewPairsAreInconclusiveHoweverClearTheyLook) {
  for (std::size_t pairs = 0; pairs <= 5; ++pairs) {
    const Finding finding = judge_one(std::vector(pairs, 100.0), 2);
    EXPECT_EQ(finding.verdict, Verdict::inconclusive) << pairs;
    ASSERT_TRUE(finding.further) << pairs;
    EXPECT_EQ(finding.further->pairs, (pairs < 2 ? 12 : 10) - pairs);
  }
  for (std::size_t pairs = 0; pairs <= 4; ++pairs) {
    const Finding finding = judge_one(std::vector(pairs, 0.0), 2);
    EXPECT_EQ(finding.verdict, Verdict::inconclusive) << pairs;
    ASSERT_TRUE(finding.further) << pairs;
    EXPECT_EQ(finding.further->pairs, 12 - pairs);
  }
}

TEST(Verdict, AFamilyIsCorrectedTogether) {
  const std::vector<double> six_positive{1, 2, 3, 2, 1, 2};  // p = 2/64 alone
  const std::vector<Comparison> family{
      {finished(later), 2}, {finished(six_positive), 0.1}, {finished(still), 2}, {finished(noisy), 2}};
  const std::vector<Finding> findings = judge(family);
  EXPECT_EQ(findings[0].verdict, Verdict::different);
  EXPECT_EQ(findings[2].verdict, Verdict::equivalent);
  EXPECT_EQ(findings[3].verdict, Verdict::inconclusive);
  for (const Finding& finding : findings) {
    EXPECT_GE(finding.adjusted.different, finding.p_different);
    EXPECT_GE(finding.adjusted.equivalent, finding.p_equivalent);
  }
  // One or two are still open, each at alpha over their number.
  const std::size_t open =
      static_cast<std::size_t>(std::ranges::count(findings, Verdict::inconclusive, &Finding::verdict));
  const PlanOptions next{.alpha = 0.05 / static_cast<double>(open)};
  const Summary& noise = findings[3].difference;
  ASSERT_TRUE(findings[3].further);
  EXPECT_EQ(findings[3].further->pairs + noise.count,
            std::min(pairs_for_difference(noise.mean, noise.sd, next).value(),
                     pairs_for_equivalence(noise.mean, noise.sd, 2, next).value()));
  EXPECT_TRUE(judge({}).empty());
}

// However many comparisons there are, six pairs can decide.
TEST(Verdict, ManyClearComparisonsOfSixPairsAreAllDecided) {
  std::vector<Comparison> family;
  for (int i = 0; i < 10; ++i) family.push_back({finished({8.0 + i, 9, 10, 9, 8, 10}), i < 5 ? 2.0 : 20.0});
  for (const Finding& finding : judge(family)) {
    EXPECT_EQ(finding.verdict, Verdict::different);
    EXPECT_EQ(finding.adjusted.different, 2 / 64.0);
  }
}

TEST(Verdict, RefusesWrongCriteria) {
  EXPECT_THROW(judge_one(later, 0), Error);
  EXPECT_THROW(judge_one(later, -1), Error);
  EXPECT_THROW(judge_one(later, 2, {.alpha = 0.6}), Error);
}

TEST(Censoring, CountsEveryRunAndKeepsTheRestrictedDifference) {
  const std::vector<Outcome> a{{90}, {100, Ending::censored}, {100, Ending::diverged}, {70}};
  const std::vector<Outcome> b{{100, Ending::censored}, {100, Ending::censored}, {60}, {75}};
  const PairedSample sample = pair_by_seed(a, b);
  EXPECT_EQ(sample.differences, (std::vector<double>{10, 0, -40, 5}));
  EXPECT_DOUBLE_EQ(sample.mean_a, 90);
  EXPECT_EQ(sample.censored, 2u);  // pairs: by b alone, and by both
  EXPECT_EQ(sample.diverged, 1u);
  EXPECT_EQ(sample.unfinished(), 3u);
  EXPECT_THROW(pair_by_seed(a, std::vector<Outcome>{{1}}), Error);
  const std::vector<Outcome> without_stand_in{{std::numeric_limits<double>::quiet_NaN(), Ending::diverged}};
  EXPECT_THROW(pair_by_seed(without_stand_in, without_stand_in), Error);
}

TEST(Censoring, AllUnfinishedIsNotEquivalent) {
  for (const Ending ending : {Ending::censored, Ending::diverged}) {
    const std::vector<Outcome> never(12, Outcome{1000, ending});
    const Comparison comparison{pair_by_seed(never, never), 2};
    const Finding finding = judge({&comparison, 1}).front();
    EXPECT_EQ(finding.verdict, Verdict::inconclusive);
    EXPECT_EQ(finding.p_equivalent, 1);
    EXPECT_FALSE(finding.further);  // a higher limit or a lower rate would help, more seeds wouldn't
  }
}

// One unfinished pair hides a difference without bound. Whatever it is, the one-sided p is at least 1/2.
TEST(Censoring, OneUnfinishedPairForbidsEquivalent) {
  std::vector<Outcome> a(12, Outcome{50}), b = a;
  const Comparison all_finished{pair_by_seed(a, b), 2};
  EXPECT_EQ(judge({&all_finished, 1}).front().verdict, Verdict::equivalent);
  a[3] = {100, Ending::censored};
  b[3] = {100, Ending::censored};
  const Comparison one_hidden{pair_by_seed(a, b), 2};
  EXPECT_EQ(judge({&one_hidden, 1}).front().verdict, Verdict::inconclusive);
  std::vector<double> worst = one_hidden.pairs.differences;
  worst[3] = 1e12;
  EXPECT_GE(equivalence_p(worst, 2), 0.5);
}

TEST(Censoring, ADifferenceShowsThroughTheLimit) {
  std::vector<Outcome> a, b;
  for (int seed = 0; seed < 12; ++seed) {
    a.push_back({60.0 + seed});
    b.push_back({100, Ending::censored});
  }
  const Comparison comparison{pair_by_seed(a, b), 2};
  const Finding finding = judge({&comparison, 1}).front();
  EXPECT_EQ(finding.verdict, Verdict::different);
  EXPECT_GT(finding.interval.lower, 0);
}

// statsmodels 0.15, TTestPower().solve_power(effect, power=0.8, alpha): 127.5, 33.4, 18.03, and at 0.01: 27.2
TEST(Planning, DifferenceIsNearThePowerOfStudentsTest) {
  EXPECT_NEAR(*pairs_for_difference(0.25, 1), 128, 1);
  EXPECT_NEAR(*pairs_for_difference(-1, 2), 34, 1);
  EXPECT_NEAR(*pairs_for_difference(0.7, 1), 19, 1);
  EXPECT_NEAR(*pairs_for_difference(0.7, 1, {.alpha = 0.01}), 28, 1);
}

TEST(Planning, FloorsAndWhatCannotBeReached) {
  EXPECT_EQ(pairs_for_difference(5, 1), min_pairs_difference);
  EXPECT_EQ(pairs_for_difference(5, 0), min_pairs_difference);
  EXPECT_EQ(pairs_for_difference(5, 1, {.alpha = 0.05 / 64}), 12u);  // 2 / 2^12 <= 0.05 / 64 < 2 / 2^11
  EXPECT_EQ(pairs_for_equivalence(0, 0, 1), min_pairs_equivalence);
  EXPECT_EQ(pairs_for_difference(0, 1), std::nullopt);
  EXPECT_EQ(pairs_for_difference(1e-9, 1), std::nullopt);
  EXPECT_EQ(pairs_for_equivalence(1, 1, 1), std::nullopt);
  EXPECT_EQ(pairs_for_equivalence(0.999, 1, 1), std::nullopt);
  EXPECT_EQ(pairs_for_difference(0.25, 1, {.max_pairs = 100}), std::nullopt);
  EXPECT_THROW(pairs_for_difference(std::nan(""), 1), Error);
}

TEST(Planning, AnInconclusiveOneSaysWhatSettlesItSooner) {
  const double mean = 1, sd = summarize(noisy).sd;  // 4.55
  const auto expect = [&](double margin, Verdict towards, std::size_t in_all) {
    const Finding finding = judge_one(noisy, margin);
    EXPECT_EQ(finding.verdict, Verdict::inconclusive) << margin;
    ASSERT_TRUE(finding.further) << margin;
    EXPECT_EQ(finding.further->towards, towards) << margin;
    EXPECT_EQ(finding.further->pairs, in_all - noisy.size()) << margin;
  };
  expect(0.5, Verdict::different, *pairs_for_difference(mean, sd));
  expect(3, Verdict::equivalent, *pairs_for_equivalence(mean, sd, 3));
  EXPECT_FALSE(judge_one(noisy, 1, {.max_pairs = 40}).further);
  EXPECT_FALSE(judge_one(later, 2).further);
}

TEST(Describe, MeansAndQuantiles) {
  const Summary summary = summarize(maize);  // numpy: mean, std(ddof=1), percentile
  EXPECT_EQ(summary.count, 15u);
  EXPECT_NEAR(summary.mean, 20.933333333333334, 1e-12);
  EXPECT_NEAR(summary.sd, 37.7443783262898, 1e-12);
  EXPECT_EQ(summary.min, -67);
  EXPECT_EQ(summary.lower_quartile, 11);
  EXPECT_EQ(summary.median, 24);
  EXPECT_EQ(summary.upper_quartile, 45);
  EXPECT_EQ(summary.max, 75);
  EXPECT_NEAR(quantile(maize, 0.1), -26.4, 1e-12);
  EXPECT_TRUE(std::isnan(summarize(std::vector{1.0}).sd));
  EXPECT_TRUE(std::isnan(summarize({}).mean));
  EXPECT_THROW(quantile(maize, 1.5), Error);
}

}  // namespace
}  // namespace lockstep::train
