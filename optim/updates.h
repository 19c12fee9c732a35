#pragma once

#include <utility>
#include <vector>

#include "core/kernels.h"

namespace lockstep::optim {

// What a step does to its tensors, gathered and then applied with one call for all that have the same rule.
class Updates {
 public:
  // Where `only_if_finite` is a number that is not finite, nothing is changed (Kernels::update).
  explicit Updates(Tensor only_if_finite = {}) : only_if_finite_(std::move(only_if_finite)) {}

  void add(const UpdateRule& rule, UpdateTensors tensors);
  // Applies all that was added, rule by rule in the order of their first appearance, and forgets it.
  void run();

 private:
  Tensor only_if_finite_;
  std::vector<std::pair<UpdateRule, std::vector<UpdateTensors>>> by_rule_;
};

}  // namespace lockstep::optim
