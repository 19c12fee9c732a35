#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/runtime/device.h"

namespace lockstep {

class Tensor;

// How often a Replay's work was done, and how.
struct ReplayStats {
  std::int64_t asked = 0;     // request by request
  std::int64_t recorded = 0;  // and kept as a graph
  std::int64_t replayed = 0;  // as a graph
  std::int64_t requests = 0;  // kernels, products and copies of the last graph
};

// What a device other than the CPU makes of work that comes again and again.
class WorkRecorder {
 public:
  virtual ~WorkRecorder() = default;
  virtual void run(const std::function<void()>& work) = 0;
  virtual void constant(std::uint64_t key, const std::function<void()>& work) = 0;
  virtual void report(const Tensor& scalar) = 0;
  virtual double reported() = 0;
  virtual ReplayStats stats() const = 0;
};

// Work for a device that is asked for again and again in the same form, such as a training step. On a GPU its
// kernels are recorded once and from then on started together (a CUDA graph), which takes a fraction of the
// time of single launches.
//
//   Replay replay(Device::cuda);
//   for (...) replay.run([&] { loss = ...; backward(loss); adam.step(loss); adam.zero_grad(); });
//
// The work runs on the host every time, so it may do whatever it likes there: another learning rate, batch or
// dropout mask is the replay's, too. What it asks of the device is compared with what was recorded; where it
// differs, it is done request by request, and recorded anew. The work must not read the device's memory
// (item(), to_vector(), printing): that throws. On the CPU, run() is a call.
//
// For one thread at a time; another one begins anew.
class Replay {
 public:
  explicit Replay(Device device);  // throws Error if there is no such device
  // Throws what the work throws.
  void run(const std::function<void()>& work);
  // Within the work: a part of it that asks for the same as long as `key` is the same, and is then left out
  // on the host as well, which takes longer there than all the rest. Whatever it made on the device and is
  // used outside (a loss, gradients) must still be held, as it left it. A part that hands anything over from
  // the host (a batch, a dropout mask) is done every time.
  //
  //   replay.run([&] {
  //     copy_(inputs, moved(batch, Device::cuda));
  //     replay.constant(0, [&] { adam.zero_grad(); loss = {}; loss = ...; backward(loss); });
  //     adam.step(loss);
  //   });
  void constant(std::uint64_t key, const std::function<void()>& work);
  // Within the work: that a real scalar is wanted on the host, such as the loss. After run(): what it was. As
  // item(), but without a request of its own, and what was asked for behind it may still be going on.
  template <std::same_as<Tensor> Scalar>  // a template, as tensors are declared above this room
  void report(const Scalar& scalar) {
    recorder_ ? recorder_->report(scalar) : void(reported_ = scalar.item());
  }
  double reported() const;  // throws Error if the run reported nothing, and what item() throws
  ReplayStats stats() const { return recorder_ ? recorder_->stats() : ReplayStats{}; }

 private:
  std::unique_ptr<WorkRecorder> recorder_;
  std::optional<double> reported_;  // on the CPU
};

}  // namespace lockstep
