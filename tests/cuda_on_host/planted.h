#pragma once

#include <string>
#include <vector>

namespace cuda_on_host {

// A kernel with a mistake, and words of the error that the checker must give. `by_access`: found by what
// accesses tell, so in checked builds alone.
struct Planted {
  std::string name, error;
  bool by_access;
  void (*run)(float* y, const float* x, const float* host);  // y and x: 64 numbers; y is not written yet
};

const std::vector<Planted>& planted_mistakes();

// Without one: y becomes the sum of what x holds at two moments, copied.
void copy_rightly(float* y, const float* x);
// Without one: blocks leave numbers for the last of them. y holds 3, 3, ... then.
void count_blocks_rightly(float* y, const float* x);

}  // namespace cuda_on_host
