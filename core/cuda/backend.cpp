#include "core/cuda/backend.h"

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/memory.h"
#include "core/cuda/recorder.h"
#include "core/cuda/transfer.h"
#include "core/error.h"

namespace lockstep::cuda {

namespace {

class CudaBackend final : public Backend {
 public:
  Allocation allocate(std::size_t bytes) const override { return cuda::allocate(bytes); }
  void free(const Allocation& memory) const noexcept override { cuda::free(memory); }
  void copy_to_device(void* to, const void* from, std::size_t bytes) const override {
    if (bytes == 0) return;
    if (Recorder* const recorder = Recorder::active()) return recorder->copy_to_device(to, from, bytes);
    cuda::copy_to_device(to, from, bytes);
  }
  void copy_to_host(std::span<const HostCopy> copies) const override {
    if (Recorder::active() != nullptr) {
      fail(
          "[replay] the work of a Replay read the device's memory on the host (item(), to_vector(), "
          "printing): read it after run()");
    }
    cuda::copy_to_host(copies);
  }
  const Kernels& kernels() const override { return kernels_; }
  MemoryStats memory_stats() const override { return cuda::memory_stats(); }
  std::string name() const override { return device_name(); }
  std::unique_ptr<WorkRecorder> make_recorder() const override { return std::make_unique<Recorder>(); }

 private:
  CudaKernels kernels_;
};

}  // namespace

void fail_on_type(const Tensor& x, DType expected) {
  fail("[cuda] a kernel expected a tensor of {} on cuda, got {} ({})", name_of(expected), describe(x),
       name_of(x.device()));
}

const Backend& backend() {
  static const std::string why = why_unavailable();
  if (!why.empty()) fail("[device] no cuda device: {}", why);
  static const CudaBackend found;
  return found;
}

}  // namespace lockstep::cuda
