#include "train/statistics/sign_flip.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>

#include "core/error.h"
#include "train/statistics/subset_sums.h"

// Flipping the signs of the subset F changes the sum of d - theta by -2 times the sum over F. So a flip is at
// least as large as what was observed exactly if sum over F of (d_i - theta) <= 0, that is if F is empty or
// mean(d over F) <= theta:
//
//   p_greater(theta) = #{F : F empty or mean(F) <= theta} / 2^n,
//
// a step function that rises with theta and jumps at the means of the subsets. The interval's lower end is
// where it first exceeds half of alpha: the k-th smallest subset mean, k = floor(2^n alpha / 2). The rest
// follows by symmetry, from -d and -theta.

namespace lockstep::train {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<double> negated(std::span<const double> values) {
  std::vector<double> result(values.begin(), values.end());
  for (double& value : result) value = -value;
  return result;
}

double mean_of(std::span<const double> values, std::uint64_t members) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (members >> i & 1) sum += values[i], ++count;
  }
  return sum / count;
}

// Sums and means of a few dozen rounded numbers of this size that differ by less are ties.
double tie_width(std::span<const double> d, double theta) {
  double largest = std::abs(theta);
  for (double value : d) largest = std::max(largest, std::abs(value));
  return 1e-13 * largest;
}

// All sign patterns, by the sums of all subsets of d - theta.
class EverySubset {
 public:
  explicit EverySubset(std::span<const double> d) : d_(d) {}

  double patterns() const { return std::ldexp(1.0, static_cast<int>(d_.size())); }

  // The non-empty subsets with a mean of at most theta.
  double means_at_most(double theta) const {
    return static_cast<double>(centered(theta).count_at_most(tie_bound(theta))) - 1;
  }

  // The k-th smallest subset mean, 1 <= k < 2^n.
  double smallest_mean(double k) const {
    auto [below, reached] = std::ranges::minmax(d_);
    if (means_at_most(below) >= k) return below;
    for (int halving = 0; halving < 48; ++halving) {
      const double middle = std::midpoint(below, reached);
      (means_at_most(middle) >= k ? reached : below) = middle;
    }
    // That mean itself, not a number within rounding of it: the last subset to have come in.
    return mean_of(d_, centered(reached).largest_at_most(tie_bound(reached)));
  }

 private:
  SubsetSums centered(double theta) const {
    std::vector<double> values(d_.begin(), d_.end());
    for (double& value : values) value -= theta;
    return SubsetSums(values);
  }
  double tie_bound(double theta) const { return static_cast<double>(d_.size()) * tie_width(d_, theta); }

  std::span<const double> d_;
};

// The observed pattern and a fixed random sample of the others.
class SampledSubsets {
 public:
  explicit SampledSubsets(std::span<const double> d) : d_(d), means_(sampled_sign_flips) {
    std::mt19937_64 random(20161027);  // fixed; the standard prescribes its numbers
    for (double& mean : means_) mean = random_subset_mean(d, random);
  }

  double patterns() const { return static_cast<double>(means_.size()) + 1; }

  double means_at_most(double theta) const {
    const double bound = theta + tie_width(d_, theta);
    return static_cast<double>(std::ranges::count_if(means_, [&](double mean) { return mean <= bound; }));
  }

  double smallest_mean(double k) {
    const auto place = means_.begin() + static_cast<std::ptrdiff_t>(k) - 1;
    std::ranges::nth_element(means_, place);
    return *place;
  }

 private:
  // Minus infinity for the empty subset, which is as extreme as the observed pattern under every theta.
  static double random_subset_mean(std::span<const double> d, std::mt19937_64& random) {
    double sum = 0, count = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < d.size(); ++i, bits >>= 1) {
      if (i % 64 == 0) bits = random();
      const auto in = static_cast<double>(bits & 1);  // no branch: it would be mispredicted half of the time
      sum += in * d[i];
      count += in;
    }
    return count > 0 ? sum / count : -infinity;
  }

  std::span<const double> d_;
  std::vector<double> means_;
};

// Calls `use` with the subsets of `d` that its size allows.
template <typename Use>
double with_subsets(std::span<const double> d, Use use) {
  if (d.size() <= max_exact_pairs) return use(EverySubset(d));
  return use(SampledSubsets(d));
}

double p_greater(std::span<const double> d, double theta) {
  return with_subsets(d,
                      [&](auto subsets) { return (1 + subsets.means_at_most(theta)) / subsets.patterns(); });
}

double lower_end(std::span<const double> d, double tail) {
  return with_subsets(d, [&](auto subsets) {
    const double k = std::floor(tail * subsets.patterns() + 1e-9);  // 1 - 0.95 isn't quite 0.05
    return k < 1 ? -infinity : subsets.smallest_mean(k);
  });
}

void check_finite(const char* where, std::span<const double> differences) {
  for (std::size_t i = 0; i < differences.size(); ++i) {
    check(std::isfinite(differences[i]), "[{}] expected finite differences: number {} is {}", where, i,
          differences[i]);
  }
}

}  // namespace

SignFlipTest sign_flip_test(std::span<const double> differences, double mean) {
  check_finite("sign_flip_test", differences);
  check(std::isfinite(mean), "[sign_flip_test] expected a finite hypothetical mean: got {}", mean);
  const double greater = p_greater(differences, mean);
  const double less = p_greater(negated(differences), -mean);
  return {.p_greater = greater,
          .p_less = less,
          .p_two_sided = std::min(1.0, 2 * std::min(greater, less)),
          .exact = differences.size() <= max_exact_pairs};
}

Interval sign_flip_interval(std::span<const double> differences, double level) {
  check_finite("sign_flip_interval", differences);
  check(level > 0 && level < 1, "[sign_flip_interval] expected a level between 0 and 1: got {}", level);
  const double tail = (1 - level) / 2;
  return {.lower = lower_end(differences, tail),
          .upper = -lower_end(negated(differences), tail),
          .exact = differences.size() <= max_exact_pairs};
}

}  // namespace lockstep::train
