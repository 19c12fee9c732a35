#pragma once

#include <cstddef>
#include <memory>

#include "core/cuda/memory.h"
#include "core/cuda/runtime.h"

namespace lockstep {
class Tensor;
}

namespace lockstep::cuda {

// What passes between the host and the work of a Recorder. Kernels read and write the host's memory for it,
// so that it is a part of a graph of kernels, without calls of its own.
//
// For one thread, which keeps some that are no longer used for its next Recorders: to make one stops the
// whole device.
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

  // What varies from run to run is written by the host here, and read by kernels there.
  std::size_t bytes() const { return bytes_; }
  std::byte* host() const;
  const std::byte* device() const { return device_.get() + before; }

  // A request: the first bytes go to the device, and the number of the run with them.
  void send(std::size_t bytes) const;
  // The host has written what the next send() to be done will take. Then it must wait() before it writes
  // again.
  void announce() const;
  void wait() const;

  // A request: this scalar goes to where reported() finds it. was_reported(): whether that has been done
  // since the last send() that was announced; waits for it for some time.
  void report(const Tensor& scalar) const;
  bool was_reported() const;
  double reported() const;

 private:
  bool is_read() const;  // what was announced
  unsigned* number() const { return reinterpret_cast<unsigned*>(device_.get()); }

  struct Head;  // of the host's memory
  struct FreeHost {
    void operator()(Head* memory) const noexcept;
  };
  static constexpr std::size_t before = 16;  // bytes of device_: the number of the run that was sent last
  std::size_t bytes_;
  std::unique_ptr<Head, FreeHost> head_;  // pinned; host() lies behind it
  DeviceBytes device_;                    // apart: work that goes on must find the same memory free as before
  unsigned* counter_;                     // of the blocks that send
};

}  // namespace lockstep::cuda
