#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/runtime/device.h"

namespace lockstep {

// Uninitialised memory, aligned to 64 bytes; never null unless default-constructed or moved from. Other
// devices than the CPU give theirs by their Backend; what follows is about host memory.
//
// Freed memory is kept by the thread that frees it and handed out again without a lock or a system call, so a
// training allocates from the system in its first steps only. What a thread holds stays below 1.5 times the
// most that it ever used at once: sizes that do not come again go back to the system. A buffer that is
// destroyed on another thread than the one that made it goes back to the system: a loader that hands batches
// over would fill the receiver's cache. Under AddressSanitizer nothing is kept, so that it sees every
// overflow and use after free.
class Buffer {
 public:
  Buffer() = default;
  // Throws Error if there is no such device, or if it has no such memory.
  explicit Buffer(std::size_t bytes, Device device = Device::cpu);
  // Host memory that somebody else frees, after this buffer.
  Buffer(void* data, std::size_t bytes) : allocation_{data}, bytes_(bytes) {}
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~Buffer();

  void* data() const { return allocation_.data; }
  std::size_t bytes() const { return bytes_; }
  void swap(Buffer& other) noexcept {
    std::swap(allocation_, other.allocation_);
    std::swap(bytes_, other.bytes_);
    std::swap(device_, other.device_);
  }

 private:
  Allocation allocation_;
  std::size_t bytes_ = 0;
  Device device_ = Device::cpu;
};

// What this thread's buffers take, in bytes with rounding (at most 12.5 % from 512 bytes on). A buffer counts
// as freed on the thread where it is destroyed.
struct MemoryStats {
  std::int64_t active = 0;              // in buffers
  std::int64_t cached = 0;              // kept for the next ones
  std::int64_t peak_active = 0;         // most active since the start or reset_peak()
  std::int64_t peak_reserved = 0;       // most active + cached, likewise
  std::int64_t system_allocations = 0;  // how often the system was asked, ever
};

MemoryStats memory_stats(Device device = Device::cpu);
void reset_peak();  // of host memory: to what is active and cached now
// Gives what this thread keeps of host memory back to the system.
void release_cached();

}  // namespace lockstep
