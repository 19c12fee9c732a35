#include "core/cuda/memory.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <set>
#include <vector>

#include "core/cuda/driver_memory.h"
#include "core/cuda/recorder.h"
#include "core/error.h"
#include "core/runtime/of_this_thread.h"

namespace lockstep::cuda {

namespace {

// Multiples of 512 bytes up to 4 KiB, then eight steps from each power of two to the next.
std::size_t rounded(std::size_t bytes) {
  const std::size_t step = bytes <= 4096 ? 512 : std::bit_floor(bytes - 1) / 8;
  return std::max<std::size_t>((bytes + step - 1) / step, 1) * step;
}

// What a thread's caches hold in all.
thread_local constinit MemoryStats stats;

void count(std::int64_t active, std::int64_t cached) {
  stats.active += active;
  stats.cached += cached;
  stats.peak_active = std::max(stats.peak_active, stats.active);
  stats.peak_reserved = std::max(stats.peak_reserved, stats.active + stats.cached);
}

}  // namespace

// Of one thread.
class Cache {
 public:
  // What it lacks, it takes from `general` before it asks the driver.
  explicit Cache(Cache* general = nullptr) : general_(general) {}
  ~Cache() { release(); }

  // Null data: the GPU has no more.
  Allocation take(std::size_t bytes) {
    const std::size_t capacity = rounded(bytes);
    void* data = take_free(capacity);
    if (data == nullptr && general_ != nullptr) data = general_->take_free(capacity);
    if (data != nullptr) {
      count(static_cast<std::int64_t>(capacity), -static_cast<std::int64_t>(capacity));
      ++used_;
      return {data, capacity, this};
    }
    data = take_from_driver(capacity);
    if (data == nullptr) return {};
    ++stats.system_allocations;
    count(static_cast<std::int64_t>(capacity), 0);
    ++used_;
    return {data, capacity, this};
  }

  void keep(const Allocation& memory) {
    --used_;
    free_.insert({memory.capacity, memory.data});
    count(-static_cast<std::int64_t>(memory.capacity), static_cast<std::int64_t>(memory.capacity));
  }
  void take_over(Cache& other) { free_.merge(other.free_); }

  void release() {
    std::vector<void*> memory;
    for (const auto& [capacity, data] : free_) {
      memory.push_back(data);
      count(0, -static_cast<std::int64_t>(capacity));
    }
    free_.clear();
    return_to_driver(memory);
  }
  bool is_used() const { return used_ > 0; }

  std::atomic<bool> retired = false;  // its pool is gone

 private:
  // Null: there is none of this size.
  void* take_free(std::size_t capacity) {
    const auto fit = free_.lower_bound({capacity, nullptr});
    if (fit == free_.end() || fit->first != capacity) return nullptr;
    return free_.extract(fit).value().second;
  }

  Cache* general_;
  // By capacity, then by address: work that takes and frees the same sizes gets the same addresses each time,
  // as a Replay wants it.
  std::set<std::pair<std::size_t, void*>> free_;
  std::int64_t used_ = 0;
};

namespace {

// A thread's caches, the general one first.
struct Caches {
  Caches() : all{std::make_shared<Cache>()}, current(all.front().get()) {}
  std::vector<std::shared_ptr<Cache>> all;
  Cache* current;  // what memory is taken from

  // What a pool has left goes to the general cache.
  void forget_retired() {
    std::erase_if(all, [this](const auto& cache) {
      if (!cache->retired || cache->is_used()) return false;
      all.front()->take_over(*cache);
      return true;
    });
  }
};

using MyCaches = OfThisThread<Caches>;

// What belongs to no cache. A recording cannot wait for what uses it.
void return_apart(void* memory) noexcept {
  if (Recorder* const recorder = Recorder::active()) return recorder->free_later(memory);
  return_to_driver({&memory, 1});
}

}  // namespace

Allocation allocate(std::size_t bytes) {
  const Caches* const mine = MyCaches::get();
  if (mine == nullptr) fail("[memory] device memory was asked for while its thread ends");
  Allocation memory = mine->current->take(bytes);
  if (memory.data == nullptr) {
    if (Recorder* const recorder = Recorder::active()) recorder->give_up();  // it may use what is released
    mine->all.front()->release();
    mine->current->release();
    memory = mine->current->take(bytes);
  }
  if (memory.data == nullptr)
    fail("[memory] the GPU has no {} bytes; this thread's tensors take {}", bytes, stats.active);
  return memory;
}

void free(const Allocation& memory) noexcept {
  if (Caches* const mine = MyCaches::get()) {
    for (const auto& cache : mine->all) {
      if (cache.get() != memory.owner) continue;
      cache->keep(memory);
      if (cache->retired) mine->forget_retired();
      return;
    }
  }
  count(-static_cast<std::int64_t>(memory.capacity), 0);
  return_apart(memory.data);
}

void FreeDevice::operator()(std::byte* memory) const noexcept { return_apart(memory); }

DeviceBytes allocate_apart(std::size_t bytes) {
  void* const memory = take_from_driver(bytes);
  if (memory == nullptr) fail("[memory] the GPU has no {} bytes", bytes);
  return DeviceBytes(static_cast<std::byte*>(memory));
}

unsigned* counters(std::size_t count) {
  // Larger ones stand beside those that a graph may use.
  thread_local std::vector<std::pair<std::size_t, DeviceBytes>> all;
  if (all.empty() || all.back().first < count) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(count, 1024));
    all.emplace_back(size, allocate_apart(size * sizeof(unsigned)));
    check(cudaMemsetAsync(all.back().second.get(), 0, size * sizeof(unsigned), stream()), "clear counters");
  }
  return reinterpret_cast<unsigned*>(all.back().second.get());
}

MemoryStats memory_stats() { return stats; }

Pool::Pool() {
  Caches* const mine = MyCaches::get();
  if (mine == nullptr) fail("[memory] device memory was asked for while its thread ends");
  mine->forget_retired();
  cache_ = std::make_shared<Cache>(mine->all.front().get());
  mine->all.push_back(cache_);
}

Pool::~Pool() {
  cache_->retired = true;  // whose thread looks after it
  if (Caches* const mine = MyCaches::get()) mine->forget_retired();
}

Pool::Use::Use(Pool& pool) : before_(MyCaches::get()->current) {
  MyCaches::get()->current = pool.cache_.get();
}
Pool::Use::~Use() {
  if (Caches* const mine = MyCaches::get()) mine->current = before_;
}

}  // namespace lockstep::cuda
