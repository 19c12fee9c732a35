#include "train/statistics/band.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "train/statistics/describe.h"
#include "train/statistics/sign_patterns.h"

namespace lockstep::train {

namespace {

constexpr std::size_t fewest_pairs = 6;

// |t| of a point under a sign pattern: the signs leave the sum of the squares as it is.
double abs_t(double sum, double squares, double pairs) {
  const double mean = sum / pairs;
  const double variance = (squares / pairs - mean * mean) / (pairs - 1);
  return variance > 0 ? std::abs(mean) / std::sqrt(variance) : 0;
}

}  // namespace

Band simultaneous_band(std::span<const double> curves, std::size_t points, double level) {
  check(points > 0 && curves.size() % points == 0 && !curves.empty(),
        "[simultaneous_band] expected rows of {} points: got {} numbers", points, curves.size());
  check(level > 0 && level < 1, "[simultaneous_band] expected a level between 0 and 1: got {}", level);
  const std::size_t pairs = curves.size() / points;
  const auto n = static_cast<double>(pairs);
  std::vector<double> deviations(curves.begin(), curves.end()), sums(points), squares(points), errors(points);
  Band band{.mean = std::vector<double>(points)};
  for (std::size_t s = 0; s < points; ++s) {
    for (std::size_t i = 0; i < pairs; ++i) band.mean[s] += curves[i * points + s];
    band.mean[s] /= n;
    for (std::size_t i = 0; i < pairs; ++i) {
      double& deviation = deviations[i * points + s];
      check(std::isfinite(deviation), "[simultaneous_band] expected finite numbers: got {}", deviation);
      deviation -= band.mean[s];
      squares[s] += deviation * deviation;
    }
    errors[s] = std::sqrt(squares[s] / (n - 1) / n);
  }
  double c = std::numeric_limits<double>::infinity();
  if (pairs >= fewest_pairs) {
    for (std::size_t s = 0; s < points; ++s) {
      for (std::size_t i = 0; i < pairs; ++i) sums[s] += deviations[i * points + s];
    }
    std::vector<double> largest;
    for_each_sign_pattern(
        pairs,
        [&](std::size_t i, double change) {
          for (std::size_t s = 0; s < points; ++s) sums[s] += change * deviations[i * points + s];
        },
        [&] {
          double most = 0;
          for (std::size_t s = 0; s < points; ++s) most = std::max(most, abs_t(sums[s], squares[s], n));
          largest.push_back(most);
        });
    c = quantile(largest, level);
  }
  for (std::size_t s = 0; s < points; ++s) {
    const double half = std::isinf(c) ? c : c * errors[s];
    band.low.push_back(band.mean[s] - half);
    band.high.push_back(band.mean[s] + half);
  }
  return band;
}

}  // namespace lockstep::train
