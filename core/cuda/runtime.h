#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

// The driver, this thread's stream, and what goes wrong on a device.
namespace lockstep::cuda {

// Empty if there is a device that can be used: a driver that is new enough, a GPU, cuBLASLt. Looks once.
std::string why_unavailable();

// The name of the card that is used.
std::string device_name();

// Driver, toolkit, architectures, devices and libraries, a line each, for a reader.
std::vector<std::string> facts();

// Every thread has a stream of its own, so that trainings of several threads run side by side.
inline cudaStream_t stream() { return cudaStreamPerThread; }

// Throws an Error that says what could not be done and why.
void check(cudaError_t error, const char* what);

// Held for calls that concern the whole device (memory, handles, graphs) and while a graph is recorded: the
// driver refuses or breaks the one while the other goes on in another thread.
[[nodiscard]] std::unique_lock<std::recursive_mutex> whole_device();

// The first thing that a kernel of this thread found wrong, in memory that both sides see. `what` points to
// the beginning of the error's text, on the host.
struct Fault {
  unsigned found = 0;
  const char* what = nullptr;
  std::int64_t index = 0, size = 0, ignore = 0;
  bool has_ignore = false;
  auto fields() const { return std::tie(found, what, index, size, ignore, has_ignore); }
};
Fault* fault();

// What this thread and its stream hand each other (transfer.cu), in memory that both sides see.
struct Mailbox {
  Fault fault;
  std::size_t on_its_way = 0;  // bytes of to_device that the stream may not have read yet
  alignas(256) std::byte to_host[std::size_t{512} << 10];
  alignas(256) std::byte to_device[std::size_t{256} << 10];
};
Mailbox& mailbox();

// Waits for this thread's stream.
void wait_for_stream(const char* why);
// The same, and throws what its kernels found.
void synchronize();

}  // namespace lockstep::cuda
