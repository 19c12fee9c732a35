#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lockstep {

// Uninitialised host memory, aligned to 64 bytes; never null unless default-constructed or moved from.
//
// Freed memory is kept by the thread that frees it and handed out again without a lock or a system call, so a
// training allocates from the system in its first steps only. What a thread holds stays below 1.5 times the
// most that it ever used at once: sizes that do not come again go back to the system. A buffer that dies on
// another thread than the one that made it goes back to the system: a loader that hands batches over would
// fill the receiver's cache. Under AddressSanitizer nothing is kept, so that it sees every overflow and use
// after free.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);  // throws Error if the system has no such memory
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  ~Buffer();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(capacity_, other.capacity_);
    std::swap(owner_, other.owner_);
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t capacity_ = 0;     // bytes with rounding
  const void* owner_ = nullptr;  // whose cache it may return to
};

// What this thread's buffers take, in bytes with rounding (at most 12.5 % from 512 bytes on). A buffer counts
// as freed on the thread where it dies.
struct MemoryStats {
  std::int64_t active = 0;              // in buffers
  std::int64_t cached = 0;              // kept for the next ones
  std::int64_t peak_active = 0;         // most active since the start or reset_peak()
  std::int64_t peak_reserved = 0;       // most active + cached, likewise
  std::int64_t system_allocations = 0;  // how often the system was asked, ever
};

MemoryStats memory_stats();
void reset_peak();
// Gives what this thread keeps back to the system.
void release_cached();

}  // namespace lockstep
