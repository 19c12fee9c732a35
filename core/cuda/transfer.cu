#include <algorithm>
#include <cstring>
#include <vector>

#include "core/cuda/launch.h"
#include "core/cuda/runtime.h"
#include "core/cuda/transfer.h"

namespace lockstep::cuda {

namespace {

constexpr std::size_t line = 256;  // between what stands in a mailbox

// Of one launch: a row of blocks for each.
struct Relays {
  static constexpr std::size_t most = 24;
  std::byte* to[most] = {};
  const std::byte* from[most] = {};
  std::int64_t bytes[most] = {};
};

template <typename T>
__device__ void copy(std::byte* to, const std::byte* from, std::int64_t count) {
#pragma unroll 1  // as a rule a thread has one
  for (std::int64_t i = first_element(); i < count; i += all_threads())
    reinterpret_cast<T*>(to)[i] = reinterpret_cast<const T*>(from)[i];
}

__global__ void relay_kernel(Relays relays) {
  std::byte* const to = relays.to[blockIdx.y];
  const std::byte* const from = relays.from[blockIdx.y];
  const std::int64_t bytes = relays.bytes[blockIdx.y];
  const auto all = reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from) |
                   static_cast<std::uintptr_t>(bytes);
  if (all % sizeof(uint4) == 0) return copy<uint4>(to, from, bytes / 16);
  if (all % sizeof(unsigned) == 0) return copy<unsigned>(to, from, bytes / 4);
  copy<unsigned char>(to, from, bytes);
}

}  // namespace

void relay(std::span<const Relay> relays) {
  for (std::size_t first = 0; first < relays.size(); first += Relays::most) {
    const std::size_t count = std::min(Relays::most, relays.size() - first);
    Relays some;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [to, from, bytes] = relays[first + i];
      some.to[i] = to, some.from[i] = from, some.bytes[i] = static_cast<std::int64_t>(bytes);
      longest = std::max(longest, bytes);
    }
    launch(relay_kernel,
           dim3(blocks_for(static_cast<std::int64_t>((longest + 15) / 16)), static_cast<unsigned>(count)),
           block_threads, 0, some);
  }
}

void copy_to_host(std::span<const HostCopy> copies) {
  Mailbox& box = mailbox();
  std::vector<Relay> relays;
  std::vector<void*> ends;  // where they go from the mailbox
  std::size_t used = 0;
  const auto deliver = [&] {
    if (relays.size() == 1) {
      const Relay& only = relays.front();
      check(cudaMemcpyAsync(only.to, only.from, only.bytes, cudaMemcpyDeviceToHost, stream()),
            "copy to the host");
    } else {
      relay(relays);
    }
    synchronize();
    for (std::size_t i = 0; i < relays.size(); ++i) std::memcpy(ends[i], relays[i].to, relays[i].bytes);
    relays.clear(), ends.clear();
    used = 0;
  };
  for (const auto& [to, from, bytes] : copies) {
    if (bytes == 0) continue;
    if (bytes > sizeof box.to_host) {
      check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "copy to the host");
      continue;
    }
    if (used + bytes > sizeof box.to_host) deliver();
    relays.push_back({box.to_host + used, static_cast<const std::byte*>(from), bytes});
    ends.push_back(to);
    used += (bytes + line - 1) / line * line;
  }
  deliver();
}

void copy_to_device(void* to, const void* from, std::size_t bytes) {
  constexpr const char* what = "copy to the device";
  Mailbox& box = mailbox();
  if (bytes > sizeof box.to_device) {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), what);
    return wait_for_stream(what);
  }
  if (box.on_its_way + bytes > sizeof box.to_device) wait_for_stream(what);
  std::byte* const first = box.to_device + box.on_its_way;
  std::memcpy(first, from, bytes);
  check(cudaMemcpyAsync(to, first, bytes, cudaMemcpyHostToDevice, stream()), what);
  box.on_its_way += (bytes + line - 1) / line * line;
}

}  // namespace lockstep::cuda
