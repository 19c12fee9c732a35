#include "core/cuda/memory.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <set>

#include "core/cuda/runtime.h"
#include "core/error.h"

namespace lockstep::cuda {

namespace {

// Multiples of 512 bytes up to 4 KiB, then eight steps from each power of two to the next.
std::size_t rounded(std::size_t bytes) {
  const std::size_t step = bytes <= 4096 ? 512 : std::bit_floor(bytes - 1) / 8;
  return std::max<std::size_t>((bytes + step - 1) / step, 1) * step;
}

class Cache {
 public:
  ~Cache() { release(); }

  Allocation take(std::size_t bytes) {
    const std::size_t capacity = rounded(bytes);
    if (const auto fit = free_.lower_bound({capacity, nullptr});
        fit != free_.end() && fit->first == capacity) {
      void* const data = fit->second;
      free_.erase(fit);
      count(static_cast<std::int64_t>(capacity), -static_cast<std::int64_t>(capacity));
      return {data, capacity, this};
    }
    const auto lock = whole_device();
    void* data = nullptr;
    cudaError_t error = cudaMalloc(&data, capacity);
    if (error == cudaErrorMemoryAllocation && stats.cached > 0) {
      cudaGetLastError();  // so that the next call does not report it again
      release();
      error = cudaMalloc(&data, capacity);
    }
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      fail("[memory] the GPU has no {} bytes; this thread's tensors take {}", bytes, stats.active);
    }
    check(error, "allocate device memory");
    ++stats.system_allocations;
    count(static_cast<std::int64_t>(capacity), 0);
    return {data, capacity, this};
  }

  void keep(const Allocation& memory) {
    free_.insert({memory.capacity, memory.data});
    count(-static_cast<std::int64_t>(memory.capacity), static_cast<std::int64_t>(memory.capacity));
  }

  void count(std::int64_t active, std::int64_t cached) {
    stats.active += active;
    stats.cached += cached;
    stats.peak_active = std::max(stats.peak_active, stats.active);
    stats.peak_reserved = std::max(stats.peak_reserved, stats.active + stats.cached);
  }

  void release() {
    const auto lock = whole_device();
    for (const auto& [capacity, data] : free_) cudaFree(data);  // waits for what uses it
    free_.clear();
    stats.cached = 0;
  }

  MemoryStats stats;

 private:
  // By capacity, then by address: work that takes and frees the same sizes gets the same addresses each time,
  // as a Replay wants it.
  std::set<std::pair<std::size_t, void*>> free_;
};

// The pointer has no destructor, so that tensors can die in a thread's last moments, after its cache.
constinit thread_local Cache* cache = nullptr;
constinit thread_local bool cache_is_gone = false;

struct CacheOwner {
  CacheOwner() : owned(std::make_unique<Cache>()) { cache = owned.get(); }
  ~CacheOwner() {
    cache = nullptr;
    cache_is_gone = true;
  }
  std::unique_ptr<Cache> owned;
};

Cache* this_threads_cache() {
  if (cache == nullptr && !cache_is_gone) thread_local CacheOwner owner;
  return cache;
}

}  // namespace

Allocation allocate(std::size_t bytes) {
  Cache* const mine = this_threads_cache();
  if (mine == nullptr) fail("[memory] device memory was asked for while its thread ends");
  return mine->take(bytes);
}

void free(const Allocation& memory) noexcept {
  Cache* const mine = this_threads_cache();
  if (mine != nullptr && mine == memory.owner) {
    mine->keep(memory);
  } else {
    const auto lock = whole_device();
    cudaFree(memory.data);
    if (mine != nullptr) mine->count(-static_cast<std::int64_t>(memory.capacity), 0);
  }
}

MemoryStats memory_stats() {
  const Cache* const mine = this_threads_cache();
  return mine == nullptr ? MemoryStats{} : mine->stats;
}

}  // namespace lockstep::cuda
