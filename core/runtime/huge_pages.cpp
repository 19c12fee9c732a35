#include "core/runtime/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <utility>

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

  void give_back(std::byte* begin, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    const auto region = std::prev(regions_.upper_bound(begin));
    const auto hole = add_hole(begin, bytes, region->first, region->first + region->second);
    if (hole != holes_.end() && hole->second == region->second) {
      munmap(region->first, region->second);
      holes_.erase(hole);
      regions_.erase(region);
    } else {
      madvise(begin, bytes, MADV_DONTNEED);
    }
  }

 private:
  using Sizes = std::map<std::byte*, std::size_t>;

  // One with the holes of its region beside it. Where there is none, and no memory to note a new one, its
  // addresses are lost: holes_.end().
  Sizes::iterator add_hole(std::byte* begin, std::size_t bytes, std::byte* region, std::byte* region_end) {
    const auto next = holes_.lower_bound(begin);
    const bool joins_next = next != holes_.end() && next->first == begin + bytes && next->first != region_end;
    if (next != holes_.begin() && begin != region) {
      const auto before = std::prev(next);
      if (before->first + before->second == begin) {
        before->second += bytes;
        if (joins_next) {
          before->second += next->second;
          holes_.erase(next);
        }
        return before;
      }
    }
    if (joins_next) {
      Sizes::node_type node = holes_.extract(next);
      node.key() = begin;
      node.mapped() += bytes;
      return holes_.insert(std::move(node)).position;
    }
    try {
      return holes_.emplace(begin, bytes).first;
    } catch (const std::bad_alloc&) {
      return holes_.end();
    }
  }

  std::mutex mutex_;
  Sizes regions_, holes_;  // first byte -> size; a hole lies in one region
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
