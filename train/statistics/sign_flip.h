#pragma once

#include <cstddef>
#include <span>

namespace lockstep::train {

// p-values of a sign-flip test (train/statistics/statistics.h).
struct SignFlipTest {
  double p_greater;    // one-sided, against a mean above the hypothetical one
  double p_less;       // one-sided, against a mean below it
  double p_two_sided;  // twice the smaller of the two, at most 1
  bool exact;          // false: over random sign patterns, see `sampled_sign_flips`
};

struct Interval {
  double lower, upper;  // closed; infinite where the sample is too small for any test to reject
  bool exact;
  bool contains(double value) const { return lower <= value && value <= upper; }
};

// Up to so many pairs all 2^n sign patterns count. Beyond, the observed pattern and so many random ones of a
// fixed seed (the same in every call, so that results repeat) do: still a valid test, with p = (1 + as
// extreme) / (1 + sampled) (Phipson and Smyth 2010), whose p near 0.05 has a standard error of 0.0007.
inline constexpr std::size_t max_exact_pairs = 24;
inline constexpr std::size_t sampled_sign_flips = 99'999;

// Tests that the mean of `differences` is `mean`. Ties with the observed sum, up to rounding, count as "as
// extreme". No pairs, or differences that all equal `mean`: p = 1. Throws, as the interval does, for numbers
// that are not finite.
SignFlipTest sign_flip_test(std::span<const double> differences, double mean = 0);

// All hypothetical means that the two-sided test doesn't reject at 1 - `level` (reject: p <= 1 - level).
// Needs n >= log2(2 / (1 - level)) pairs to be bounded: 6 for 95%, 5 for 90%. Differences that are all c give
// [c, c].
Interval sign_flip_interval(std::span<const double> differences, double level = 0.95);

}  // namespace lockstep::train
