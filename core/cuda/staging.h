#pragma once

#include <cstddef>
#include <memory>

#include "core/cuda/memory.h"
#include "core/cuda/runtime.h"

namespace lockstep::cuda {

// Where what varies from run to run of a Recorder is written by the host, and where kernels read it. A thread
// keeps some that are no longer used for its next Recorders: to make one stops the whole device.
class Staging {
 public:
  explicit Staging(std::size_t bytes);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // One of at least so many bytes, a spare one of this thread where there is one.
  static std::unique_ptr<Staging> of(std::size_t bytes);
  // Makes it a spare one, unless there are enough larger ones.
  static void keep(std::unique_ptr<Staging> unused) noexcept;

  std::size_t bytes() const { return bytes_; }
  std::byte* host() const { return host_.get(); }
  const std::byte* device() const { return device_.get(); }
  // Copies the first bytes on this thread's stream; wait() until that is done.
  void send(std::size_t bytes) const;
  void wait() const;

 private:
  struct FreeHost {
    void operator()(std::byte* memory) const noexcept;
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte, FreeHost> host_;  // pinned
  DeviceBytes device_;  // apart: work that goes on must find the same memory free as before
  cudaEvent_t sent_ = nullptr;
};

}  // namespace lockstep::cuda
