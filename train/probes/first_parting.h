#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/probes/logical_weights.h"

// Where two trainings that go on step by step first differ.
namespace lockstep::train {

// How far the loss and every trained tensor of two trainings are apart, by logical names. The key biases are
// left out: their gradient is rounding noise.
using Differences = std::vector<std::pair<std::string, double>>;
Differences differences_between(const LogicalParts& a, double loss_a, const LogicalParts& b, double loss_b);

// For each threshold the step and the tensor (of several, the farthest) that passed it first.
class FirstParting {
 public:
  static constexpr std::array<double, 3> thresholds = {1e-12, 1e-6, 1e-3};
  struct At {
    std::int64_t step;  // updates done; the loss is the one before the next
    std::string what;
    double difference;
  };

  void look(std::int64_t step, const Differences& differences);
  const std::optional<At>& beyond(std::size_t threshold) const { return first_[threshold]; }
  const At& farthest() const { return farthest_; }  // so far

 private:
  std::array<std::optional<At>, thresholds.size()> first_;
  At farthest_{0, "all weights", 0};
};

}  // namespace lockstep::train
