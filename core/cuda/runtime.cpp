#include "core/cuda/runtime.h"

#include <dlfcn.h>

#include <cstdlib>
#include <new>

#include "core/cuda/cublaslt.h"
#include "core/kernels.h"

namespace lockstep::cuda {

namespace {

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string look() {
  int devices = 0, driver = 0;
  // Queues between the host and the card: with the 8 that are the rule, more trainings at once would wait for
  // each other. It is read when the driver starts.
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaErrorInsufficientDriver || error == cudaErrorStubLibrary) {
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
      return "no NVIDIA driver is loaded (libcuda.so.1 was not found, or finds no kernel module)";
    return fmt::format("the NVIDIA driver is too old: it knows CUDA {}, this Lockstep was built with {}",
                       version_text(driver), version_text(CUDART_VERSION));
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && devices == 0)) return "the driver sees no GPU";
  if (error != cudaSuccess) return cudaGetErrorString(error);
  return why_no_cublaslt();
}

struct OwnMailbox {
  OwnMailbox() {
    const auto lock = whole_device();
    void* memory = nullptr;
    check(cudaMallocHost(&memory, sizeof(Mailbox)), "allocate pinned memory");
    box = new (memory) Mailbox;
  }
  ~OwnMailbox() {
    const auto lock = whole_device();
    cudaDeviceSynchronize();  // a copy may still read it
    cudaFreeHost(box);
  }
  OwnMailbox(const OwnMailbox&) = delete;
  OwnMailbox& operator=(const OwnMailbox&) = delete;
  Mailbox* box = nullptr;
};

}  // namespace

std::string why_unavailable() {
  static const std::string why = look();
  return why;
}

std::string device_name() {
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, 0), "ask the GPU for its name");
  return device.name;
}

std::vector<std::string> facts() {
  std::vector<std::string> lines{
      fmt::format("toolkit {}; kernels for {}", version_text(CUDART_VERSION), LOCKSTEP_CUDA_ARCHITECTURES)};
  const std::string why = look();
  if (!why.empty()) lines.push_back("not usable: " + why);
  int driver = 0, devices = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver != 0)
    lines.push_back(fmt::format("driver for CUDA {} and older", version_text(driver)));
  if (cudaGetDeviceCount(&devices) != cudaSuccess) devices = 0;
  for (int i = 0; i < devices; ++i) {
    cudaDeviceProp device{};
    if (cudaGetDeviceProperties(&device, i) != cudaSuccess) continue;
    lines.push_back(fmt::format("device {}: {}, sm_{}{}, {} multiprocessors, {:.1f} GiB{}", i, device.name,
                                device.major, device.minor, device.multiProcessorCount,
                                static_cast<double>(device.totalGlobalMem) / (1 << 30),
                                i == 0 ? "" : " (not used)"));
  }
  cudaGetLastError();
  lines.push_back(why_no_cublaslt().empty() ? cublaslt().library + " found" : why_no_cublaslt());
  return lines;
}

void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) fail("[cuda] could not {}: {}", what, cudaGetErrorString(error));
}

std::unique_lock<std::recursive_mutex> whole_device() {
  static std::recursive_mutex mutex;
  return std::unique_lock(mutex);
}

Mailbox& mailbox() {
  thread_local OwnMailbox own;
  return *own.box;
}

Fault* fault() { return &mailbox().fault; }

void wait_for_stream(const char* why) {
  check(cudaStreamSynchronize(stream()), why);
  mailbox().on_its_way = 0;
}

void synchronize() {
  wait_for_stream("run this thread's kernels");
  Fault* const word = fault();
  if (word->found == 0) return;
  const Fault found = *word;
  *word = {};
  fail("{}", out_of_range(found.what, found.index, found.size,
                          found.has_ignore ? std::optional(found.ignore) : std::nullopt));
}

}  // namespace lockstep::cuda
