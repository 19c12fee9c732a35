#pragma once

#include "core/runtime/device.h"
#include "core/runtime/memory.h"

namespace lockstep::cuda {

// Device memory, kept by the thread that frees it, and handed out again in the order of its stream: a
// training allocates from the driver in its first steps only. What dies on another thread goes back to the
// driver.
Allocation allocate(std::size_t bytes);
void free(const Allocation& memory) noexcept;
MemoryStats memory_stats();  // of this thread

}  // namespace lockstep::cuda
