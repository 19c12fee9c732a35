#include "train/statistics/pairing.h"

#include <cmath>
#include <cstddef>
#include <limits>

#include "core/error.h"

namespace lockstep::train {

PairedSample pair_by_seed(std::span<const Outcome> a, std::span<const Outcome> b) {
  check(a.size() == b.size(), "[pair_by_seed] expected one run per seed in both arms: got {} and {}",
        a.size(), b.size());
  PairedSample sample;
  for (std::size_t i = 0; i < a.size(); ++i) {
    check(std::isfinite(a[i].value) && std::isfinite(b[i].value),
          "[pair_by_seed] expected finite values (an unfinished run's stand-in too): pair {} has {} and {}",
          i, a[i].value, b[i].value);
    sample.differences.push_back(b[i].value - a[i].value);
    sample.values_a.push_back(a[i].value);
    sample.mean_a += a[i].value / static_cast<double>(a.size());
    const auto one_is = [&](Ending ending) { return a[i].ending == ending || b[i].ending == ending; };
    sample.diverged += one_is(Ending::diverged);
    sample.censored += !one_is(Ending::diverged) && one_is(Ending::censored);
  }
  return sample;
}

std::vector<double> told_apart(const PairedSample& pairs) {
  constexpr double resolution = std::numeric_limits<float>::epsilon();
  std::vector<double> differences = pairs.differences;
  for (std::size_t i = 0; i < pairs.values_a.size(); ++i)
    if (std::abs(differences[i]) <= resolution * std::abs(pairs.values_a[i])) differences[i] = 0;
  return differences;
}

}  // namespace lockstep::train
