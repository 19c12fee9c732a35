#include "train/study/factor_search.h"

#include <cmath>
#include <cstdlib>

namespace lockstep::train {

namespace {

constexpr int farthest = 4;  // steps: a factor 4

int distance(const PartFactors& factors) {
  return std::abs(factors[0]) + std::abs(factors[1]) + std::abs(factors[2]);
}

}  // namespace

double factor_at(int step) { return step == 0 ? 1 : std::round(1'000 * std::exp2(step / 2.0)) / 1'000; }

std::optional<PartFactors> next_factors(const TriedFactors& tried) {
  PartFactors at{};
  if (!tried.contains(at)) return at;
  for (int& step : at) {
    for (const int side : {1, -1}) {
      if (step * side < 0) continue;  // upwards it went
      while (std::abs(step + side) <= farthest) {
        step += side;
        const auto found = tried.find(at);
        if (found == tried.end()) return at;
        const double value = found->second;
        step -= side;
        if (value >= tried.at(at)) break;
        step += side;
      }
    }
  }
  return std::nullopt;
}

PartFactors best_factors(const TriedFactors& tried) {
  auto best = tried.begin();
  for (auto one = tried.begin(); one != tried.end(); ++one) {
    const bool nearer = one->second == best->second && distance(one->first) < distance(best->first);
    if (one->second < best->second || nearer) best = one;
  }
  return best->first;
}

}  // namespace lockstep::train
