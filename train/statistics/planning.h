#pragma once

#include <cstddef>
#include <optional>

namespace lockstep::train {

// How many pairs in all give a test at `alpha` this power if the mean and the standard deviation stay what
// they are: a normal approximation, plus z^2 / 2 for the estimated standard deviation (Guenther 1981), but
// never fewer than the floors below, nor than the test needs to reject at all. Nothing: not within
// `max_pairs`, or never (no difference to show; a mean outside the margin). Throws for a mean that is not
// finite, a negative sd, alpha or power outside (0, 1), and a margin that is not above 0.
struct PlanOptions {
  double alpha = 0.05;
  double power = 0.8;
  std::size_t max_pairs = 1000;
};
inline constexpr std::size_t min_pairs_difference = 10;
inline constexpr std::size_t min_pairs_equivalence = 12;

// n = ((z(1 - alpha/2) + z(power)) sd / mean)^2 + z(1 - alpha/2)^2 / 2
std::optional<std::size_t> pairs_for_difference(double mean, double sd, const PlanOptions& options = {});
// The smallest n with Phi((margin - mean) / se - z) + Phi((margin + mean) / se - z) - 1 >= power, where z =
// z(1 - alpha) and se = sd / sqrt(n - z^2 / 2).
std::optional<std::size_t> pairs_for_equivalence(double mean, double sd, double margin,
                                                 const PlanOptions& options = {});

}  // namespace lockstep::train
