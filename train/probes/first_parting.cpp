#include "train/probes/first_parting.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lockstep::train {

double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    apart += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  if (apart == 0) return 0;
  return size == 0 ? std::numeric_limits<double>::infinity() : std::sqrt(apart / size);
}

Differences differences_between(const LogicalParts& a, double loss_a, const LogicalParts& b, double loss_b) {
  Differences all{{"the loss", relative_difference({loss_a}, {loss_b})}};
  for (const auto& [name, values] : a) {
    if (!is_key_bias(name)) all.emplace_back(name, relative_difference(values, b.at(name)));
  }
  return all;
}

void FirstParting::look(std::int64_t step, const Differences& differences) {
  const auto most = std::ranges::max_element(differences, {}, &Differences::value_type::second);
  const At here{step, most->first, most->second};
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    if (!first_[i] && here.difference > thresholds[i]) first_[i] = here;
  }
  if (here.difference > farthest_.difference) farthest_ = here;
}

}  // namespace lockstep::train
