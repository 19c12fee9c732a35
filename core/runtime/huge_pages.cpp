#include "core/runtime/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>

namespace lockstep {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t region_size = 512 * huge_page;  // of addresses: what is not touched takes no memory

std::size_t round_up(std::size_t n) { return (n + huge_page - 1) / huge_page * huge_page; }

// Begins at a huge page. Null if the system has no such memory.
std::byte* map_region(std::size_t bytes) {
  const std::size_t more = bytes + huge_page;
  void* const data = mmap(nullptr, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(data);
  const std::size_t before =
      round_up(reinterpret_cast<std::uintptr_t>(begin)) - reinterpret_cast<std::uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, huge_page - before);
  madvise(begin + before, bytes, MADV_HUGEPAGE);  // advice: where it is not taken, pages are small
  return begin + before;
}

class Regions {
 public:
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto hole = std::find_if(holes_.begin(), holes_.end(), [&](const auto& h) { return h.second >= bytes; });
    if (hole == holes_.end()) {
      std::size_t size = std::max(round_up(bytes), region_size);
      std::byte* region = map_region(size);
      if (region == nullptr) region = map_region(size = round_up(bytes));
      if (region == nullptr) return nullptr;
      regions_.emplace(region, size);
      hole = holes_.emplace(region, size).first;
    }
    const auto [begin, size] = *hole;
    holes_.erase(hole);
    if (size > bytes) holes_.emplace(begin + bytes, size - bytes);
    return begin;
  }

  void give_back(std::byte* begin, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto region = std::prev(regions_.upper_bound(begin));
    auto hole = holes_.emplace(begin, bytes).first;
    if (const auto next = std::next(hole); next != holes_.end() && next->first == begin + bytes &&
                                           next->first != region->first + region->second) {
      hole->second += next->second;
      holes_.erase(next);
    }
    if (hole != holes_.begin() && begin != region->first) {
      const auto before = std::prev(hole);
      if (before->first + before->second == begin) {
        before->second += hole->second;
        holes_.erase(hole);
        hole = before;
      }
    }
    if (hole->second == region->second) {
      munmap(region->first, region->second);
      holes_.erase(hole);
      regions_.erase(region);
    } else {
      madvise(begin, bytes, MADV_DONTNEED);
    }
  }

 private:
  std::mutex mutex_;
  std::map<std::byte*, std::size_t> regions_, holes_;  // first byte -> size; a hole lies in one region
};

// Never destroyed: the buffers of static objects come back after everything else.
Regions& regions() {
  alignas(Regions) static std::byte memory[sizeof(Regions)];
  static Regions& instance = *new (memory) Regions;
  return instance;
}

}  // namespace

void* map_pages(std::size_t bytes) { return regions().take(bytes); }

void unmap_pages(void* data, std::size_t bytes) { regions().give_back(static_cast<std::byte*>(data), bytes); }

}  // namespace lockstep
