#include "train/statistics/step_down.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/error.h"
#include "train/statistics/sign_patterns.h"

namespace lockstep::train {
namespace {

struct Sample {
  std::vector<double> differences;
  double margin;
};

std::vector<FamilyMember> family_of(const std::vector<Sample>& samples) {
  std::vector<FamilyMember> family;
  for (const Sample& sample : samples) family.push_back({sample.differences, sample.margin});
  return family;
}

double over_root(double sum, double squares) { return squares > 0 ? sum / std::sqrt(squares) : 0; }

// The three statistics of every sample under a sign pattern, by their definitions.
std::vector<double> statistics(const std::vector<Sample>& samples, unsigned pattern) {
  std::vector<double> all;
  for (const auto& [d, margin] : samples) {
    double zero = 0, below = 0, above = 0, zero2 = 0, below2 = 0, above2 = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      const double sign = (pattern >> i & 1) != 0 ? -1 : 1;
      zero += sign * d[i], zero2 += d[i] * d[i];
      below += sign * (d[i] + margin), below2 += (d[i] + margin) * (d[i] + margin);
      above += sign * (margin - d[i]), above2 += (margin - d[i]) * (margin - d[i]);
    }
    all.insert(all.end(),
               {over_root(std::abs(zero), zero2), over_root(below, below2), over_root(above, above2)});
  }
  return all;
}

// p of every statistic: for each one the largest over it and all with a smaller observed value.
std::vector<double> enumerated(const std::vector<Sample>& samples, std::size_t pairs) {
  const std::vector<double> observed = statistics(samples, 0);
  std::vector<double> p(observed.size());
  for (std::size_t k = 0; k < observed.size(); ++k) {
    int reached = 0;
    for (unsigned pattern = 0; pattern < 1U << pairs; ++pattern) {
      const std::vector<double> flipped = statistics(samples, pattern);
      double largest = -INFINITY;
      for (std::size_t j = 0; j < observed.size(); ++j) {
        if (observed[j] <= observed[k]) largest = std::max(largest, flipped[j]);
      }
      reached += largest >= observed[k] - 1e-9;
    }
    p[k] = reached / std::ldexp(1.0, static_cast<int>(pairs));
  }
  std::vector<double> monotone = p;
  for (std::size_t k = 0; k < p.size(); ++k) {
    for (std::size_t j = 0; j < p.size(); ++j) {
      if (observed[j] >= observed[k]) monotone[k] = std::max(monotone[k], p[j]);
    }
  }
  return monotone;
}

TEST(StepDown, AgreesWithTheEnumerationOfItsDefinition) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (int round = 0; round < 20; ++round) {
    std::vector<Sample> samples;
    const std::size_t sizes[] = {7, 7, 5, 7};
    for (const std::size_t size : sizes) {
      Sample sample{.differences = std::vector<double>(size), .margin = 1.5};
      const double mean = 2 * normal(random);
      for (double& d : sample.differences) d = mean + normal(random);
      samples.push_back(sample);
    }
    const std::vector<FamilyP> p = step_down(family_of(samples));
    const std::vector<double> expected = enumerated(samples, 7);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      EXPECT_DOUBLE_EQ(p[i].different, expected[3 * i]) << round << " " << i;
      EXPECT_DOUBLE_EQ(p[i].equivalent, std::max(expected[3 * i + 1], expected[3 * i + 2]))
          << round << " " << i;
    }
  }
}

TEST(StepDown, OneMemberAloneAndTheSmallestP) {
  const std::vector<double> positive{1, 2, 3, 2, 1, 2}, zero(6, 0.0);
  const std::vector<FamilyP> p = step_down(std::vector<FamilyMember>{{positive, 1}, {zero, 1}});
  EXPECT_EQ(p[0].different, 2 / 64.0);
  EXPECT_EQ(p[1].different, 1);
  EXPECT_EQ(p[1].equivalent, 1 / 64.0);
  EXPECT_EQ(step_down(std::vector<FamilyMember>{{zero, 1}})[0].equivalent, 1 / 64.0);
  EXPECT_EQ(step_down(std::vector<FamilyMember>{{zero, 1, false}})[0].equivalent, 1);
  EXPECT_TRUE(step_down({}).empty());
  EXPECT_THROW(step_down(std::vector<FamilyMember>{{zero, 0}}), Error);
}

TEST(StepDown, SampledPatternsAreNearTheExactOnes) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> d(17);
  for (double& value : d) value = 0.6 + normal(random);
  const double sampled = step_down(std::vector<FamilyMember>{{d, 1}})[0].different;
  const double exact = enumerated({{d, 1}}, 17)[0];
  EXPECT_NEAR(sampled, exact, 4 * std::sqrt(exact / sampled_joint_flips) + 1e-4);
}

}  // namespace
}  // namespace lockstep::train
