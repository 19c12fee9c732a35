#pragma once

#include <cstddef>
#include <memory>

#include "core/runtime/device.h"
#include "core/runtime/memory.h"

namespace lockstep::cuda {

// Device memory, kept by the thread that frees it, and handed out again in the order of its stream: a
// training allocates from the driver in its first steps only. What is freed on another thread goes
// back to the driver.
Allocation allocate(std::size_t bytes);
void free(const Allocation& memory) noexcept;
MemoryStats memory_stats();  // of this thread

// Memory of the driver's and of no cache, for what outlives the work that first asks for it.
struct FreeDevice {
  void operator()(std::byte* memory) const noexcept;
};
using DeviceBytes = std::unique_ptr<std::byte, FreeDevice>;
DeviceBytes allocate_apart(std::size_t bytes);

// `count` counters of this thread's stream for comes_last(), all 0 between launches.
unsigned* counters(std::size_t count);

class Cache;

// Memory apart from the rest of its thread's: what is allocated in a Use, and freed at any time, goes to
// nobody else, so that a graph may write there as long as the pool lives. It comes from what the thread has
// free, such as an earlier pool's, and goes back there at the end. For the thread that makes it.
class Pool {
 public:
  Pool();
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  class Use {
   public:
    explicit Use(Pool& pool);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    Cache* before_;
  };

 private:
  std::shared_ptr<Cache> cache_;
};

}  // namespace lockstep::cuda
