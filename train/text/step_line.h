#pragma once

#include <cstdint>

namespace lockstep::train {

// The live line of one training on stderr: steps, loss, steps/s, time left. On a terminal it is redrawn in
// place; elsewhere a plain line appears every ten seconds.
class StepLine {
 public:
  StepLine(std::int64_t steps, std::int64_t done);
  ~StepLine() { clear(); }
  StepLine(const StepLine&) = delete;
  StepLine& operator=(const StepLine&) = delete;

  void stepped(std::int64_t done, double loss);
  // Makes room for other output.
  void clear();

 private:
  double start_;      // monotonic_seconds()
  double shown_ = 0;  // seconds after start_
  std::int64_t steps_, done_before_;
  bool terminal_, visible_ = false;
};

}  // namespace lockstep::train
