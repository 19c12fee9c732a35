#pragma once

#include <cstdint>
#include <functional>

namespace lockstep::train {

// What a training takes from the system. Bytes.
struct MemoryUse {
  std::int64_t resident_peak = 0;  // of the whole process
  std::int64_t tensor_peak = 0;    // in tensors of this thread
  std::int64_t allocations = 0;    // of tensors from the system, per step after the third, rounded up
  std::int64_t heap_growth = 0;    // for everything else, likewise
};

// Calls `make` and then, six times, the step that it returns.
MemoryUse memory_use(const std::function<std::function<void()>()>& make);

// Gives back to the system what is not in use, and lets peak_resident_bytes() count anew (on Linux; elsewhere
// it goes on).
void reset_resident_peak();

}  // namespace lockstep::train
