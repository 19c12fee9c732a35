#pragma once

#include <cstddef>
#include <span>

#include "core/runtime/device.h"

// Copies between the host and the card. They go by way of the thread's mailbox, which is pinned: other memory
// the driver first copies itself, and may wait for it. (CUDA Runtime API, API synchronization behavior.)
namespace lockstep::cuda {

// Waits for this thread's stream, once for all of them where they fit the mailbox, and throws what its
// kernels found.
void copy_to_host(std::span<const HostCopy> copies);
// When it returns, the host may write to `from`, or free it; the copy may still be going on.
void copy_to_device(void* to, const void* from, std::size_t bytes);

// Copies by kernels, within the card or between it and memory that both sides see: one request for many.
struct Relay {
  std::byte* to;
  const std::byte* from;
  std::size_t bytes;
};
void relay(std::span<const Relay> relays);

}  // namespace lockstep::cuda
