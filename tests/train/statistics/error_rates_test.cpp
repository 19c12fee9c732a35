#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "train/statistics/statistics.h"

// What a study promises in the long run, from simulated ones: how often the interval covers, and how often a
// verdict is wrong.

namespace lockstep::train {
namespace {

using Random = std::mt19937_64;
using Draw = std::function<double(Random&)>;  // one difference, of mean 0

const Draw gaussian = [](Random& random) { return std::normal_distribution<double>()(random); };
const Draw heavy_tailed = [](Random& random) { return std::student_t_distribution<double>(3)(random); };
const Draw skewed = [](Random& random) {
  return std::lognormal_distribution<double>()(random) - std::exp(0.5);
};

std::vector<double> sample(const Draw& draw, std::size_t pairs, double mean, Random& random) {
  std::vector<double> d(pairs);
  for (double& value : d) value = mean + draw(random);
  return d;
}

// The share of `studies` in which `happens`.
double rate(int studies, const std::function<bool(Random&)>& happens) {
  Random random(17);
  int count = 0;
  for (int study = 0; study < studies; ++study) count += happens(random);
  return static_cast<double>(count) / studies;
}

double three_errors(double probability, int studies) {
  return 3 * std::sqrt(probability * (1 - probability) / studies);
}

// A symmetric difference is covered with probability 1 - 2k / 2^n, k = floor(0.025 * 2^n), exactly; a
// lognormal one less often, as in 8,000 simulated studies, which have errors of their own.
TEST(ErrorRates, CoverageOfTheInterval) {
  struct Case {
    std::string name;
    Draw draw;
    std::size_t pairs;
    double coverage;
    int behind_it;  // studies that the expected coverage itself was simulated from
  };
  const int studies = 1600;
  for (const Case& one :
       {Case{"normal", gaussian, 6, 1 - 2 / 64.0, 0}, Case{"t3", heavy_tailed, 6, 1 - 2 / 64.0, 0},
        Case{"lognormal", skewed, 6, 0.887, 8000}, Case{"normal", gaussian, 12, 1 - 204 / 4096.0, 0},
        Case{"t3", heavy_tailed, 12, 1 - 204 / 4096.0, 0}, Case{"lognormal", skewed, 12, 0.853, 8000}}) {
    const double covered = rate(studies, [&](Random& random) {
      return sign_flip_interval(sample(one.draw, one.pairs, 0, random)).contains(0);
    });
    const double tolerance = std::hypot(three_errors(one.coverage, studies),
                                        one.behind_it ? three_errors(one.coverage, one.behind_it) : 0);
    EXPECT_NEAR(covered, one.coverage, tolerance) << one.name << ", n = " << one.pairs;
  }
}

TEST(ErrorRates, FalseDifferentIsRare) {
  const int studies = 1600;
  for (const Draw& draw : {gaussian, heavy_tailed}) {
    for (std::size_t pairs : {6, 12}) {
      const double wrong = rate(studies, [&](Random& random) {
        const Comparison comparison{{.differences = sample(draw, pairs, 0, random)}, 0.5};
        return judge({&comparison, 1}).front().verdict == Verdict::different;
      });
      EXPECT_LE(wrong, 0.05 + three_errors(0.05, studies)) << pairs << " pairs";
    }
  }
}

// Arms that do the same never mislead, however skewed the metric is: the difference of two lognormal values
// is symmetric.
TEST(ErrorRates, FalseDifferentIsRareForASkewedMetric) {
  const int studies = 1600;
  const double wrong = rate(studies, [](Random& random) {
    std::vector<Outcome> a, b;
    for (int seed = 0; seed < 10; ++seed) {  // and censored at its 90% quantile
      for (auto* arm : {&a, &b}) {
        const double value = std::lognormal_distribution<double>()(random);
        arm->push_back(value < 3.6 ? Outcome{value} : Outcome{3.6, Ending::censored});
      }
    }
    const Comparison comparison{pair_by_seed(a, b), 0.5};
    return judge({&comparison, 1}).front().verdict == Verdict::different;
  });
  EXPECT_LE(wrong, 0.05 + three_errors(0.05, studies));
}

// The worst true difference for an equivalence test: exactly the margin.
TEST(ErrorRates, FalseEquivalentIsRare) {
  const int studies = 1600;
  for (const Draw& draw : {gaussian, heavy_tailed}) {
    for (double sign : {-1.0, 1.0}) {
      const double wrong = rate(studies, [&](Random& random) {
        const double margin = 2;
        const Comparison comparison{{.differences = sample(draw, 12, sign * margin, random)}, margin};
        return judge({&comparison, 1}).front().within_margin;
      });
      EXPECT_LE(wrong, 0.05 + three_errors(0.05, studies));
      EXPECT_GE(wrong, 0.03);  // nor is the test so careful that it never says equivalent
    }
  }
}

// Six contrasts of one study, which share a part of every seed's luck. True means in units of the standard
// deviation; the margin is 2.
struct Truth {
  std::string name;
  std::vector<double> means;
};

// The share of studies with any false verdict: "different" of a mean of 0, "equivalent" of one at the margin.
double any_false_verdict(const Draw& draw, std::size_t pairs, const std::vector<double>& means, double step) {
  constexpr double margin = 2;
  return rate(500, [&](Random& random) {
    std::vector<std::vector<double>> samples(means.size());
    for (std::size_t i = 0; i < pairs; ++i) {
      const double shared = draw(random);
      for (std::size_t j = 0; j < means.size(); ++j) {
        const double d = means[j] + (shared + draw(random)) / std::sqrt(2.0);
        samples[j].push_back(step > 0 ? step * std::round(d / step) : d);
      }
    }
    std::vector<FamilyMember> family;
    for (const std::vector<double>& sample : samples) family.push_back({sample, margin});
    const std::vector<FamilyP> p = step_down(family);
    bool wrong = false;
    for (std::size_t j = 0; j < means.size(); ++j) {
      wrong |= means[j] == 0 && p[j].different <= 0.05;
      wrong |= std::abs(means[j]) >= margin && p[j].equivalent <= 0.05;
    }
    return wrong;
  });
}

// Both kinds of error together, in the shapes that occur: whole steps with ties, heavy tails, 6 to 16 pairs.
TEST(ErrorRates, AnyFalseVerdictOfAStudyIsRare) {
  const std::vector<Truth> truths = {{"no effect", {0, 0, 0, 0, 0, 0}},
                                     {"all at the margin", {2, -2, 2, -2, 2, -2}},
                                     {"mixed", {0, 0, 2, -2, 5, 0.5}}};
  for (const auto& [truth, means] : truths) {
    for (const std::size_t pairs : {6, 12, 16}) {
      if (pairs == 16 && truth != "mixed") continue;  // the slow ones
      for (const auto& [shape, draw, step] :
           {std::tuple{"normal", gaussian, 0.0}, {"whole steps", gaussian, 1.0}, {"t3", heavy_tailed, 0.0}}) {
        EXPECT_LE(any_false_verdict(draw, pairs, means, step), 0.05 + three_errors(0.05, 500))
            << truth << ", " << shape << ", " << pairs << " pairs";
      }
    }
  }
}

// As many pairs as planned settle it about as often as planned.
TEST(ErrorRates, PlannedPairsHaveThePlannedPower) {
  const int studies = 600;
  const std::size_t to_differ = *pairs_for_difference(0.75, 1),
                    to_equal = *pairs_for_equivalence(0.1, 1, 0.9);
  EXPECT_LE(to_differ, 20u);
  EXPECT_LE(to_equal, 20u);
  const double differs = rate(studies, [&](Random& random) {
    return sign_flip_test(sample(gaussian, to_differ, 0.75, random)).p_two_sided <= 0.05;
  });
  const double equal = rate(studies, [&](Random& random) {
    return equivalence_p(sample(gaussian, to_equal, 0.1, random), 0.9) <= 0.05;
  });
  EXPECT_NEAR(differs, 0.8, 0.06);
  EXPECT_NEAR(equal, 0.8, 0.06);
}

}  // namespace
}  // namespace lockstep::train
