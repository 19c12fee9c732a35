#include "train/statistics/planning.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "core/error.h"

namespace lockstep::train {
namespace {

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// The inverse, by bisection: 60 halvings of (-40, 40) leave less than 1e-16.
double normal_quantile(double p) {
  double below = -40, above = 40;
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = (below + above) / 2;
    (normal_cdf(middle) < p ? below : above) = middle;
  }
  return above;
}

void check_plan(double mean, double sd, const PlanOptions& options) {
  check(std::isfinite(mean) && sd >= 0, "[planning] expected a finite mean and sd >= 0: got {} and {}", mean,
        sd);
  check(options.alpha > 0 && options.alpha < 1 && options.power > 0 && options.power < 1,
        "[planning] expected alpha and power between 0 and 1: got {} and {}", options.alpha, options.power);
}

// The fewest pairs with which `tails` / 2^n, the smallest p there is, is at most alpha.
std::size_t attainable(double tails, double alpha) {
  return static_cast<std::size_t>(std::ceil(std::log2(tails / alpha) - 1e-9));
}

}  // namespace

std::optional<std::size_t> pairs_for_difference(double mean, double sd, const PlanOptions& options) {
  check_plan(mean, sd, options);
  if (mean == 0) return std::nullopt;
  const double z = normal_quantile(1 - options.alpha / 2);
  const double ratio = (z + normal_quantile(options.power)) * sd / mean;
  const double needed = std::ceil(ratio * ratio + (sd > 0 ? z * z / 2 : 0));
  if (!(needed <= static_cast<double>(options.max_pairs))) return std::nullopt;
  const std::size_t pairs =
      std::max({static_cast<std::size_t>(needed), min_pairs_difference, attainable(2, options.alpha)});
  return pairs <= options.max_pairs ? std::optional(pairs) : std::nullopt;
}

std::optional<std::size_t> pairs_for_equivalence(double mean, double sd, double margin,
                                                 const PlanOptions& options) {
  check_plan(mean, sd, options);
  check(margin > 0, "[planning] expected a margin above 0: got {}", margin);
  if (std::abs(mean) >= margin) return std::nullopt;
  const double z = normal_quantile(1 - options.alpha);
  const auto power = [&](std::size_t pairs) {
    if (sd == 0) return 1.0;
    const double effective = static_cast<double>(pairs) - z * z / 2;
    if (effective <= 0) return 0.0;
    const double standard_error = sd / std::sqrt(effective);
    return normal_cdf((margin - mean) / standard_error - z) +
           normal_cdf((margin + mean) / standard_error - z) - 1;
  };
  std::size_t pairs = std::max(min_pairs_equivalence, attainable(1, options.alpha));
  while (pairs <= options.max_pairs && power(pairs) < options.power) ++pairs;
  return pairs <= options.max_pairs ? std::optional(pairs) : std::nullopt;
}

}  // namespace lockstep::train
