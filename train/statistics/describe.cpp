#include "train/statistics/describe.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace lockstep::train {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double quantile_of_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty()) return undefined;
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

std::vector<double> sorted_copy(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace

double quantile(std::span<const double> values, double q) {
  check(q >= 0 && q <= 1, "[quantile] expected q from 0 to 1: got {}", q);
  return quantile_of_sorted(sorted_copy(values), q);
}

Summary summarize(std::span<const double> values) {
  const std::vector<double> sorted = sorted_copy(values);
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return {.count = values.size(),
          .mean = values.empty() ? undefined : mean,
          .sd = values.size() < 2 ? undefined : std::sqrt(squares / (n - 1)),
          .min = quantile_of_sorted(sorted, 0),
          .lower_quartile = quantile_of_sorted(sorted, 0.25),
          .median = quantile_of_sorted(sorted, 0.5),
          .upper_quartile = quantile_of_sorted(sorted, 0.75),
          .max = quantile_of_sorted(sorted, 1)};
}

}  // namespace lockstep::train
