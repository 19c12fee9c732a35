#include "train/probes/first_parting.h"

#include <algorithm>

#include "train/probes/relative_difference.h"

namespace lockstep::train {

namespace {

double relative_difference(std::span<const double> a, std::span<const double> b) {
  RelativeDifference difference;
  difference.add(a, b);
  return difference.value();
}

}  // namespace

Differences differences_between(const LogicalParts& a, double loss_a, const LogicalParts& b, double loss_b) {
  Differences all{{"the loss", relative_difference({&loss_a, 1}, {&loss_b, 1})}};
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
