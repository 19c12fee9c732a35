#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lockstep::train {

// How a run ended.
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
// how far apart an unfinished pair would have ended is not known, and with one such pair, whose difference
// has no bound, a one-sided sign-flip p is at least 1/2: `judge` gives no "equivalent" then.
struct PairedSample {
  std::vector<double> differences;  // b - a, stand-ins included
  double mean_a = 0;                // the base of a percentage
  // Pairs with a run that diverged, and of the others those with one that was censored.
  std::size_t diverged = 0, censored = 0;
  std::size_t unfinished() const { return diverged + censored; }
  std::vector<double> values_a;  // a's value in each pair, stand-ins included
};

// The differences as the sign-flip tests take them, which look at signs however small: what losses in f32
// cannot tell from none, 2^-23 of the pair's value, counts as none. Else the noise of a sum's last bits, such
// as the two storages' of the same weights, could pass for a difference.
std::vector<double> told_apart(const PairedSample& pairs);

// a[i] and b[i] come from the same seed. Throws unless there are as many of both, all finite.
PairedSample pair_by_seed(std::span<const Outcome> a, std::span<const Outcome> b);

}  // namespace lockstep::train
