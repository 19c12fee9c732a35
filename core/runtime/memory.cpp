#include "core/runtime/memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <new>
#include <vector>

#include "core/error.h"
#include "core/runtime/huge_pages.h"
#include "core/runtime/of_this_thread.h"
#include "core/runtime/sanitizers.h"

namespace lockstep {

namespace {

constexpr bool keeps_memory = !address_sanitizer;

constexpr std::align_val_t alignment{64};
constexpr std::size_t page = 4096;
// Larger blocks are whole pages, and freeing them really gives them back.
constexpr int log2_largest_small = 16;
constexpr std::size_t largest_small = std::size_t{1} << log2_largest_small;

// Small sizes: multiples of 64 up to 512, then eight steps from each power of two to the next.
struct SizeClass {
  explicit SizeClass(std::size_t bytes) {
    if (bytes <= 512) {
      index = bytes == 0 ? 0 : (bytes - 1) / 64;
      capacity = 64 * (index + 1);
    } else {
      const auto octave = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^octave < bytes
      const std::size_t start = std::size_t{1} << octave, step = start / 8;
      const std::size_t eighth = (bytes - 1 - start) / step;
      index = 8 * (octave - 8) + eighth;
      capacity = start + (eighth + 1) * step;
    }
  }
  std::size_t index, capacity;
  static constexpr std::size_t count = 8 * (log2_largest_small - 8);
};

struct Block {
  void* data;
  std::size_t capacity;
  std::uint64_t freed = 0;  // when: the older, the sooner it goes back to the system
};

// AddressSanitizer watches over what comes from operator new only, which must ask for less than its limit.
bool is_small(std::size_t capacity) {
  constexpr std::size_t most_watched = std::size_t{1} << 39;
  return capacity <= (address_sanitizer ? most_watched : largest_small);
}

void* system_allocate(std::size_t capacity) {
  return is_small(capacity) ? ::operator new(capacity, alignment, std::nothrow) : map_pages(capacity);
}

void system_free(Block block) {
  if (is_small(block.capacity)) {
    ::operator delete(block.data, alignment);
  } else {
    unmap_pages(block.data, block.capacity);
  }
}

std::size_t whole_pages(std::size_t bytes) { return (bytes + page - 1) / page * page; }

// For a thread that ends, whose cache is gone: what its last destructors compute with.
Block fresh_block(std::size_t bytes) {
  const std::size_t capacity = bytes <= largest_small ? SizeClass(bytes).capacity : whole_pages(bytes);
  void* const data = system_allocate(capacity);
  check(data != nullptr, "[memory] the system has no {} bytes", bytes);
  return {data, capacity};
}

// What one thread keeps: never so much that it holds more than 1.5 times the most that was ever active. Sizes
// that come again and again stay below that; sizes that never come again would add up. The system is asked
// only where nothing fits, so what recurs costs nothing.
class Cache {
 public:
  ~Cache() { release(); }

  Block take(std::size_t bytes) {
    Block block{nullptr, 0};
    if (bytes <= largest_small) {
      const SizeClass size(bytes);
      block.capacity = size.capacity;
      if (Free*& first = small_[size.index]) block.data = std::exchange(first, first->next);
    } else {
      block.capacity = whole_pages(bytes);
      const auto fit = std::lower_bound(large_.begin(), large_.end(), block.capacity, smaller);
      if (fit != large_.end() && fit->capacity - block.capacity <= block.capacity / 8) {
        block = *fit;
        large_.erase(fit);
      }
    }
    if (block.data != nullptr) {
      count(block.capacity, -static_cast<std::int64_t>(block.capacity));
      return block;
    }
    make_room(block.capacity);
    block.data = system_allocate(block.capacity);
    if (block.data == nullptr && stats.cached > 0) {
      release();
      block.data = system_allocate(block.capacity);
    }
    check(block.data != nullptr, "[memory] the system has no {} bytes; this thread's buffers take {}", bytes,
          stats.active);
    ++stats.system_allocations;
    count(block.capacity, 0);
    return block;
  }

  void keep(Block block) noexcept {
    if (block.capacity <= largest_small) {
      Free*& first = small_[SizeClass(block.capacity).index];
      first = new (block.data) Free{first};
    } else {
      block.freed = ++clock_;
      try {
        large_.insert(std::lower_bound(large_.begin(), large_.end(), block.capacity, smaller), block);
      } catch (const std::bad_alloc&) {
        system_free(block);
        return count(-static_cast<std::int64_t>(block.capacity), 0);
      }
    }
    count(-static_cast<std::int64_t>(block.capacity), block.capacity);
  }

  void count(std::int64_t active, std::int64_t cached) {
    stats.active += active;
    stats.cached += cached;
    stats.peak_active = std::max(stats.peak_active, stats.active);
    most_active_ = std::max(most_active_, stats.active);
    stats.peak_reserved = std::max(stats.peak_reserved, stats.active + stats.cached);
  }

  void release() {
    for (std::size_t bytes = 1; bytes <= largest_small; bytes = SizeClass(bytes).capacity + 1) {
      const SizeClass size(bytes);
      while (Free* first = small_[size.index]) {
        small_[size.index] = first->next;
        system_free({first, size.capacity});
      }
    }
    for (const Block& block : large_) system_free(block);
    large_.clear();
    stats.cached = 0;
  }

  MemoryStats stats;

 private:
  struct Free {  // lives in the free block itself
    Free* next;
  };
  static bool smaller(const Block& block, std::size_t capacity) { return block.capacity < capacity; }

  // Before the system is asked for so much: what has been free for the longest goes back first, small blocks
  // last and together.
  void make_room(std::size_t capacity) {
    const std::int64_t active = stats.active + static_cast<std::int64_t>(capacity);
    const std::int64_t most = std::max(most_active_, active), allowed = most + most / 2 - active;
    while (stats.cached > allowed && !large_.empty()) {
      const auto oldest = std::min_element(large_.begin(), large_.end(),
                                           [](const Block& a, const Block& b) { return a.freed < b.freed; });
      system_free(*oldest);
      stats.cached -= static_cast<std::int64_t>(oldest->capacity);
      large_.erase(oldest);
    }
    if (stats.cached > allowed) release();
  }

  std::array<Free*, SizeClass::count> small_{};
  std::vector<Block> large_;  // by capacity
  std::uint64_t clock_ = 0;
  std::int64_t most_active_ = 0;  // since the start, whatever reset_peak() did
};

}  // namespace

Buffer::Buffer(std::size_t bytes, Device device) : bytes_(bytes), device_(device) {
  check(bytes <= PTRDIFF_MAX, "[memory] no buffer has {} bytes", bytes);
  if (device != Device::cpu) {
    allocation_ = backend(device).allocate(bytes);
    return;
  }
  Cache* const mine = OfThisThread<Cache>::get();
  const Block block = mine != nullptr ? mine->take(bytes) : fresh_block(bytes);
  allocation_ = {block.data, block.capacity, mine};
}

Buffer::~Buffer() {
  if (allocation_.capacity == 0) return;  // nothing, or somebody else's
  if (device_ != Device::cpu) {
    backend(device_).free(allocation_);
    return;
  }
  Cache* const mine = OfThisThread<Cache>::get();
  const Block block{allocation_.data, allocation_.capacity};
  if (keeps_memory && mine != nullptr && mine == allocation_.owner) {
    mine->keep(block);
  } else {
    system_free(block);
    if (mine != nullptr) mine->count(-static_cast<std::int64_t>(block.capacity), 0);
  }
}

MemoryStats memory_stats(Device device) {
  if (device != Device::cpu) return backend(device).memory_stats();
  const Cache* const mine = OfThisThread<Cache>::get();
  return mine == nullptr ? MemoryStats{} : mine->stats;
}

void reset_peak() {
  if (Cache* const mine = OfThisThread<Cache>::get()) {
    mine->stats.peak_active = mine->stats.active;
    mine->stats.peak_reserved = mine->stats.active + mine->stats.cached;
  }
}

void release_cached() {
  if (Cache* const mine = OfThisThread<Cache>::get()) mine->release();
}

}  // namespace lockstep
