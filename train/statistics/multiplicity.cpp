#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/error.h"
#include "train/statistics/statistics.h"

namespace lockstep::train {

std::vector<double> holm(std::span<const double> p_values) {
  for (double p : p_values) check(p >= 0 && p <= 1, "[holm] expected p-values from 0 to 1: got {}", p);
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return p_values[i]; });
  std::vector<double> adjusted(p_values.size());
  double highest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double factor = static_cast<double>(order.size() - rank);
    highest = std::max(highest, std::min(1.0, factor * p_values[order[rank]]));
    adjusted[order[rank]] = highest;
  }
  return adjusted;
}

}  // namespace lockstep::train
