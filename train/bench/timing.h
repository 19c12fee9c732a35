#pragma once

#include <functional>
#include <vector>

#include "train/text/clock.h"

namespace lockstep::train {

// Seconds.
struct Timing {
  double median = 0, lower_quartile = 0, upper_quartile = 0, min = 0;
};
Timing timing_of(const std::vector<double>& seconds);

// Seconds of wall-clock time, and of all cores that this process used: equal for one thread without
// interruption.
struct Elapsed {
  double wall = 0, cpu = 0;
};
Elapsed elapsed(const std::function<void()>& action);

// Whether to go on measuring: at least `least` times, then until `seconds` have passed.
class Repetitions {
 public:
  Repetitions(int least, double seconds);
  bool next();

 private:
  int least_;
  double end_;
};

}  // namespace lockstep::train
