#pragma once

#include <chrono>

namespace lockstep::train {

// Seconds on the clock that all processes of the machine share and that never goes back (CLOCK_MONOTONIC).
inline double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace lockstep::train
