#pragma once

// How a study decides. In the words of a methods section:
//
//   Runs are paired by seed: with the value of one metric in arm A and in arm B, pair i has the difference
//   d_i = b_i - a_i. The test of a zero mean is the exact two-sided sign-flip (randomization) test of the
//   mean: if the arms do the same, a and b may be swapped within every pair, so d_i and -d_i are equally
//   likely whatever the metric's distribution, and each of the 2^n sign patterns is as likely as the observed
//   one (Fisher 1935; Pitman 1937). The confidence interval is this test's inversion: every shift theta for
//   which d - theta isn't rejected. Its ends are means of subsets of the d_i (Hartigan 1969). Equivalence is
//   tested at a margin stated in advance by two one-sided sign-flip tests (TOST, Schuirmann 1987). Both
//   families of p-values, one per primary metric and contrast, are corrected by Holm's method (1979).
//
// With alpha = 0.05 and p-values after Holm's correction, a contrast is
// - different when p(mean = 0) <= alpha; marked as within the margin (small, but real) if it also passes
//   the equivalence test;
// - equivalent when it isn't different and p(|mean| >= margin) <= alpha;
// - inconclusive otherwise, and so always when n is too small to say anything: a two-sided p is at least
//   2 / 2^n, a TOST's 1 / 2^n.
//
// The two families are corrected separately: the chance of any false "different" among the primaries is at
// most alpha, and so is that of any false "equivalent".
//
// Assumptions. The test is exact for the hypothesis that the arms do the same. As a test and an interval for
// the mean of a *different* arm it is exact if the d_i are symmetric about that mean, and approximate
// otherwise: with lognormal d_i a 95% interval covers the mean 92% (n = 6) and 90% (n = 12) of the time,
// still more often than Student's t or a BCa bootstrap.

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lockstep::train {

// ---- describing one sample (describe.cpp) ----

// NaN where a number is undefined: all of them for no values, the standard deviation for one.
struct Summary {
  std::size_t count;
  double mean, sd;  // sd with n - 1
  double min, lower_quartile, median, upper_quartile, max;
};
Summary summarize(std::span<const double> values);

// The q-quantile, 0 <= q <= 1, by linear interpolation between order statistics (Hyndman and Fan's type 7:
// NumPy's and R's default).
double quantile(std::span<const double> values, double q);

// ---- sign-flip test and its inversion (sign_flip.cpp, subset_sums.cpp) ----

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
// extreme". No pairs, or differences that all equal `mean`: p = 1.
SignFlipTest sign_flip_test(std::span<const double> differences, double mean = 0);

// All hypothetical means that the two-sided test doesn't reject at 1 - `level` (reject: p <= 1 - level).
// Needs n >= log2(2 / (1 - level)) pairs to be bounded: 6 for 95%, 5 for 90%. Differences that are all c give
// [c, c].
Interval sign_flip_interval(std::span<const double> differences, double level = 0.95);

// ---- equivalence (equivalence.cpp) ----

// Two one-sided tests of |mean| >= margin (> 0): p is the larger of p(mean <= -margin) and p(mean >= margin),
// so that p <= alpha says the same as "the sign_flip_interval at 1 - 2 alpha lies strictly between -margin
// and margin".
double equivalence_p(std::span<const double> differences, double margin);

// ---- many tests (multiplicity.cpp) ----

// Holm's step-down adjustment (Scand. J. Statist. 6 (1979) 65-70). With p_(1) <= ... <= p_(m),
//   adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j)),
// returned in the order of `p_values`. Rejecting wherever the adjusted value is at most alpha keeps the
// chance of any false rejection among the m at most alpha, however the tests depend on each other.
std::vector<double> holm(std::span<const double> p_values);

// ---- how many pairs (planning.cpp) ----

// How many pairs in all give a test at `alpha` this power if the mean and the standard deviation stay what
// they are: a normal approximation, plus z^2 / 2 for the estimated standard deviation (Guenther 1981), but
// never fewer than the floors below, nor than the test needs to reject at all. Nothing: not within
// `max_pairs`, or never (no difference to show; a mean outside the margin).
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

// ---- pairing, with runs that didn't finish (pairing.cpp) ----

enum class Ending {
  observed,
  censored,  // the threshold wasn't reached within the limit: the true value is at least `value`
  diverged,  // the loss became NaN or infinite
};

// One run's metric. A run that didn't finish stands in with a finite value: the limit (steps to a threshold),
// or what the metric is if the loss stays at its starting value from there on (area under the curve).
struct Outcome {
  double value;
  Ending ending = Ending::observed;
};

// No run is dropped. A stand-in makes the metric a *restricted* one, min(steps, limit), as in survival
// analysis (restricted mean time, Royston and Parmar 2013): arms that do the same still swap, so a
// "different" is as sure as without censoring, and mean and interval are those of the restricted metric. But
// nobody knows how far apart an unfinished pair would have ended, and with one such pair, whose difference
// has no bound, a one-sided sign-flip p is at least 1/2: `judge` gives no "equivalent" then.
struct PairedSample {
  std::vector<double> differences;  // b - a, stand-ins included
  double mean_a = 0;                // the base of a percentage
  std::size_t censored_a = 0, censored_b = 0;
  std::size_t diverged_a = 0, diverged_b = 0;
  std::size_t unfinished = 0;  // pairs with at least one run that was censored or diverged
};

// a[i] and b[i] come from the same seed.
PairedSample pair_by_seed(std::span<const Outcome> a, std::span<const Outcome> b);

// ---- verdicts (verdict.cpp) ----

enum class Verdict { different, equivalent, inconclusive };
std::string_view to_string(Verdict verdict);

// One primary: a contrast in one metric, and the largest difference that doesn't matter, in the metric's
// unit.
struct Comparison {
  PairedSample pairs;
  double margin;
};

// What would settle an inconclusive one: `pairs` more, by showing a difference or by showing equivalence,
// whichever takes fewer. It assumes that the mean and the standard deviation stay as they are, and is a plan,
// not evidence. Looking twice isn't free: adding as many seeds because a first look was inconclusive makes a
// 5% error one of 8% (Armitage, McPherson and Rowe 1969), so judge both looks at alpha / 2, or the new seeds
// alone.
struct Further {
  std::size_t pairs;
  Verdict towards;  // inconclusive if there are fewer than two pairs: `pairs` completes the floor
};

struct Finding {
  Summary difference;  // of b - a
  Interval interval;   // at 1 - alpha, for this contrast alone (not Holm-corrected)
  // At 1 - 2 alpha. If all runs finished, it lies inside the margin exactly when p_equivalent <= alpha.
  Interval equivalence_interval;
  double p_different, p_equivalent;
  double p_different_holm, p_equivalent_holm;
  Verdict verdict;
  bool within_margin;  // p_equivalent_holm <= alpha, also beside "different"
  // Of an inconclusive one, unless more seeds alone can't be expected to settle it.
  std::optional<Further> further;
};

struct Criteria {
  double alpha = 0.05;
  double power = 0.8;            // of the further pairs
  std::size_t max_pairs = 1000;  // more pairs than this in all aren't worth planning
};

// One finding per primary, Holm-corrected over all of them.
std::vector<Finding> judge(std::span<const Comparison> primaries, const Criteria& criteria = {});

}  // namespace lockstep::train
