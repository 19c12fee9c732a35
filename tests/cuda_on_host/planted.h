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

}  // namespace cuda_on_host
