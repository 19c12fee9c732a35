#include "train/bench/memory.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>

#include "core/runtime/memory.h"
#include "core/runtime/system.h"

namespace lockstep::train {

namespace {

std::int64_t heap_bytes() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<std::int64_t>(heap.arena + heap.hblkhd);
}

}  // namespace

void reset_resident_peak() {
  release_cached();
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

MemoryUse memory_use(const std::function<std::function<void()>()>& make) {
  reset_resident_peak();
  reset_peak();
  const std::function<void()> step = make();
  for (int i = 0; i < 3; ++i) step();
  const std::int64_t allocations = memory_stats().system_allocations, heap = heap_bytes();
  constexpr int steps = 3;
  for (int i = 0; i < steps; ++i) step();
  const auto per_step = [](std::int64_t total) { return (total + steps - 1) / steps; };
  return {.resident_peak = peak_resident_bytes(),
          .tensor_peak = memory_stats().peak_active,
          .allocations = per_step(memory_stats().system_allocations - allocations),
          .heap_growth = per_step(std::max<std::int64_t>(heap_bytes() - heap, 0))};
}

}  // namespace lockstep::train
