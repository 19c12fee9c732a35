#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lockstep::train {

// Seconds of one kind of op in an action, and how often it ran.
struct OpTime {
  std::string name;
  double forward = 0, backward = 0;
  std::int64_t calls = 0;
};

// Where a training step spends its time: the median over some repetitions of what each kind of op takes,
// longest first. The time from the end of one op to the end of the next counts as the latter's. The update is
// an entry of its own, and so is "outside ops": what follows the last op.
std::vector<OpTime> profile_step(const std::function<void()>& gradients, const std::function<void()>& update,
                                 int repetitions);

}  // namespace lockstep::train
