// Device memory, and the calls of the CUDA runtime about memory, streams and devices.
#include "tests/cuda_on_host/device_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>

namespace cuda_on_host {
namespace {

constexpr std::size_t arena_bytes = std::size_t{16} << 30, gap = 512;

template <typename T>
T* reserve(std::size_t bytes) {
  void* const p =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::runtime_error("no address space for device memory");
  return static_cast<T*>(p);
}

struct Arena {
  char* const bytes = reserve<char>(arena_bytes);
  std::uint8_t* const states = reserve<std::uint8_t>(arena_bytes / 4);
  Cell* const cells = reserve<Cell>(arena_bytes / 4 * sizeof(Cell));
  std::size_t used = gap;
  std::map<Address, std::size_t> allocations;
  std::set<Address> pinned;  // the host's own among them
  // Of pools, by the stream that it was asked for on: nobody's until that was waited for.
  std::multimap<cudaStream_t, void*> pending;
  std::mutex mutex;
};

Arena& arena() {
  static Arena one;
  return one;
}

// Calls visit(state, bits) for every word that the bytes touch: in a plain loop, so that large pieces of
// memory go by vectors.
template <typename Visit>
void for_each_word(Address begin, std::size_t bytes, Visit visit) {
  constexpr std::uint8_t all = 0xf;
  const std::size_t first = begin - reinterpret_cast<Address>(arena().bytes), end = first + bytes;
  std::uint8_t* const states = arena().states;
  const auto bits = [&](std::size_t word) {  // of a word that may lie in part beyond the ends
    const std::size_t from = std::max(4 * word, first) - 4 * word,
                      to = std::min(4 * word + 4, end) - 4 * word;
    return static_cast<std::uint8_t>(all >> (4 - (to - from)) << from);
  };
  std::size_t word = first / 4;
  if (bytes > 0 && first % 4 != 0) visit(states[word], bits(word)), ++word;
  for (; 4 * word + 4 <= end; ++word) visit(states[word], all);
  if (4 * word < end) visit(states[word], bits(word));
}
// Whether all bytes are marked by the bits from `shift` on.
bool is_marked(Address begin, std::size_t bytes, int shift) {
  std::uint8_t missing = 0;
  for_each_word(begin, bytes, [&](std::uint8_t state, std::uint8_t bits) {
    missing |= static_cast<std::uint8_t>(~(state >> shift) & bits);
  });
  return missing == 0;
}

void mark_allocated(void* p) {
  const auto begin = reinterpret_cast<Address>(p);
  for_each_word(begin, arena().allocations.at(begin), [](std::uint8_t& state, std::uint8_t bits) {
    state |= static_cast<std::uint8_t>(bits << 4);
  });
}

cudaError_t reserve_in_arena(void** p, std::size_t bytes) {
  Arena& a = arena();
  if (bytes > arena_bytes || a.used + bytes + 2 * gap > arena_bytes) return cudaErrorMemoryAllocation;
  *p = a.bytes + a.used;
  a.allocations[reinterpret_cast<Address>(*p)] = bytes;
  a.used = (a.used + bytes + 2 * gap - 1) / gap * gap;
  return cudaSuccess;
}

cudaError_t allocate(void** p, std::size_t bytes) {
  const std::lock_guard lock(arena().mutex);
  const cudaError_t error = reserve_in_arena(p, bytes);
  if (error == cudaSuccess) mark_allocated(*p);
  return error;
}

cudaError_t free_memory(void* p) {
  if (p == nullptr) return cudaSuccess;
  Arena& a = arena();
  const std::lock_guard lock(a.mutex);
  const auto it = a.allocations.find(reinterpret_cast<Address>(p));
  if (it == a.allocations.end()) return cudaErrorInvalidValue;
  const std::size_t offset = static_cast<std::size_t>(static_cast<char*>(p) - a.bytes), bytes = it->second;
  std::memset(a.states + offset / 4, 0, (bytes + 3) / 4);
  // Whole pages go back to the system.
  const std::size_t first = (offset + 4095) / 4096 * 4096, last = (offset + bytes) / 4096 * 4096;
  if (first < last) {
    madvise(a.bytes + first, last - first, MADV_DONTNEED);
    madvise(a.cells + first / 4, (last - first) / 4 * sizeof(Cell), MADV_DONTNEED);
  }
  a.pinned.erase(it->first);
  std::erase_if(a.pending, [p](const auto& asked) { return asked.second == p; });
  a.allocations.erase(it);
  return cudaSuccess;
}

enum class Side { host, device, both };
Side side_of(const void* p) {
  Arena& a = arena();
  const auto address = reinterpret_cast<Address>(p);
  if (!device_memory().holds(address)) return Side::host;
  const std::lock_guard lock(a.mutex);
  const auto next = a.pinned.upper_bound(address);
  if (next == a.pinned.begin()) return Side::device;
  const Address begin = *std::prev(next);
  return address < begin + a.allocations.at(begin) ? Side::both : Side::device;
}
bool is_on(Side wanted, const void* p) {
  const Side side = side_of(p);
  return side == wanted || side == Side::both;
}

std::atomic<std::uint64_t> stopping = 0, all_calls = 0;

thread_local cudaError_t last_error = cudaSuccess;
cudaError_t remembered(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

}  // namespace

std::uint64_t calls() { return all_calls; }
void count_call() { ++all_calls; }
std::uint64_t stopping_calls() { return stopping; }
void count_stopping_call() { ++stopping; }

Region device_memory() {
  const auto begin = reinterpret_cast<Address>(arena().bytes);
  return {begin, begin + arena_bytes};
}
std::uint8_t* word_states() { return arena().states; }
Cell* word_cells() { return arena().cells; }

bool is_allocated(Address begin, std::size_t bytes) {
  return device_memory().holds(begin) && (bytes == 0 || device_memory().holds(begin + bytes - 1)) &&
         is_marked(begin, bytes, 4);
}
bool is_written(Address begin, std::size_t bytes) { return is_marked(begin, bytes, 0); }
void mark_written(Address begin, std::size_t bytes) {
  for_each_word(begin, bytes, [](std::uint8_t& state, std::uint8_t bits) { state |= bits; });
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "the host layer");
  properties->multiProcessorCount = 1;
  properties->totalGlobalMem = arena_bytes;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorMemoryAllocation) return "out of memory";
  if (error == cudaErrorStreamCaptureUnsupported) return "operation not permitted when stream is capturing";
  return error == cudaErrorInvalidValue ? "invalid argument" : "an error of the host layer";
}

cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  count_stopping_call();
  if (forbids_allocation(cudaStreamPerThread)) return remembered(cudaErrorStreamCaptureUnsupported);
  return remembered(allocate(p, bytes));
}
cudaError_t cudaFree(void* p) {
  count_stopping_call();
  if (forbids_allocation(cudaStreamPerThread)) return remembered(cudaErrorStreamCaptureUnsupported);
  return remembered(free_memory(p));
}
// Both sides see it, so it counts as device memory that the host has written.
cudaError_t cudaMallocHost(void** p, std::size_t bytes) {
  count_stopping_call();
  const cudaError_t error = allocate(p, bytes);
  if (error == cudaSuccess) {
    mark_written(reinterpret_cast<Address>(*p), bytes);
    const std::lock_guard lock(arena().mutex);
    arena().pinned.insert(reinterpret_cast<Address>(*p));
  }
  return remembered(error);
}
cudaError_t cudaFreeHost(void* p) {
  count_stopping_call();
  return remembered(free_memory(p));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  count_call();
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const auto side = [](bool device) { return device ? Side::device : Side::host; };
  if (!is_on(side(to_device), to) || !is_on(side(from_device), from))
    return remembered(cudaErrorInvalidValue);
  enqueue(stream, [=] {
    if (from_device) check_whole(false, from, bytes, "a copy");
    std::memcpy(to, from, bytes);
    if (to_device) check_whole(true, to, bytes, "a copy");
  });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  count_call();
  if (!is_on(Side::device, to)) return remembered(cudaErrorInvalidValue);
  enqueue(stream, [=] {
    std::memset(to, value, bytes);
    check_whole(true, to, bytes, "a memset");
  });
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  count_call();
  if (is_capturing(stream)) return remembered(cudaErrorStreamCaptureUnsupported);
  Arena& a = arena();
  const std::lock_guard lock(a.mutex);
  const auto [first, last] = a.pending.equal_range(stream);
  std::for_each(first, last, [](const auto& asked) { mark_allocated(asked.second); });
  a.pending.erase(first, last);
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  count_stopping_call();
  return is_capturing_any() ? remembered(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  static std::atomic<std::uintptr_t> streams = 0x1000;  // beyond the values that name streams of the system's
  *stream = reinterpret_cast<cudaStream_t>(++streams);
  return cudaSuccess;
}

// The checked program is a device without pools.
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps*) {
  if (is_checked()) return remembered(cudaErrorNotSupported);
  *pool = reinterpret_cast<cudaMemPool_t>(&arena());
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) {
  count_stopping_call();
  return cudaSuccess;
}
// A stream that is captured would make it a graph's.
cudaError_t cudaMallocFromPoolAsync(void** p, std::size_t bytes, cudaMemPool_t, cudaStream_t stream) {
  if (is_capturing(stream)) return remembered(cudaErrorStreamCaptureUnsupported);
  const std::lock_guard lock(arena().mutex);
  const cudaError_t error = reserve_in_arena(p, bytes);
  if (error == cudaSuccess) arena().pending.emplace(stream, *p);
  return remembered(error);
}
cudaError_t cudaFreeAsync(void* p, cudaStream_t stream) {
  return remembered(is_capturing(stream) ? cudaErrorStreamCaptureUnsupported : free_memory(p));
}

}  // extern "C"
