#include "train/study/rate_search.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "core/error.h"

namespace lockstep::train {

namespace {

constexpr int farthest = 24;          // steps: a factor 2^12
constexpr int strides[] = {4, 2, 1};  // steps

// Whether a step within `stride` of `best` was tried, above or below it.
bool is_bounded(const TriedRates& tried, int best, int side, int stride) {
  return std::ranges::any_of(tried, [&](const auto& one) {
    const int distance = side * (one.first - best);
    return distance > 0 && distance <= stride;
  });
}

int within_reach(int step) {
  check(
      std::abs(step) <= farthest,
      "no learning rate up to {:g} times the declared one is better than both of its neighbours: declare one "
      "nearer to the best, or take tune = \"off\"",
      std::exp2((step > 0 ? farthest : -farthest) / 2.0));
  return step;
}

}  // namespace

double rate_at(double declared, int step) {
  return step == 0 ? declared : std::stod(fmt::format("{:.2e}", declared * std::exp2(step / 2.0)));
}

std::optional<int> best_step(const TriedRates& tried) {
  const auto best =
      std::ranges::min_element(tried, [](const auto& a, const auto& b) { return a.second < b.second; });
  if (best == tried.end() || !std::isfinite(best->second)) return std::nullopt;
  return best->first;
}

std::optional<int> next_step(const TriedRates& tried) {
  if (tried.empty()) return 0;
  const std::optional<int> best = best_step(tried);
  if (!best) return within_reach(tried.begin()->first - strides[0]);
  for (const int stride : strides) {
    for (const int side : {1, -1}) {
      if (!is_bounded(tried, *best, side, stride)) return within_reach(*best + side * stride);
    }
  }
  return std::nullopt;
}

}  // namespace lockstep::train
