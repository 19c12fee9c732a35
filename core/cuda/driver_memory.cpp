#include "core/cuda/driver_memory.h"

#include <cuda_runtime.h>

#include <limits>

#include "core/cuda/runtime.h"

namespace lockstep::cuda {

namespace {

struct DriverPool {
  cudaMemPool_t pool = nullptr;     // null: the device has none
  cudaStream_t requests = nullptr;  // no other ones are made on this stream, so that it is never recorded
};

// Of the device. It is never destroyed: threads that end with the process still return theirs.
const DriverPool& driver_pool() {
  static const DriverPool one = [] {
    DriverPool made;
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;  // the only type: it stays on the device
    properties.location = {cudaMemLocationTypeDevice, 0};
    if (cudaMemPoolCreate(&made.pool, &properties) != cudaSuccess) {
      cudaGetLastError();  // so that the next call does not report it again
      return DriverPool{};
    }
    // Without this, every wait for a stream would look for something to give back to the card.
    std::uint64_t threshold = std::numeric_limits<std::uint64_t>::max();
    check(cudaMemPoolSetAttribute(made.pool, cudaMemPoolAttrReleaseThreshold, &threshold),
          "set up a pool of device memory");
    check(cudaStreamCreateWithFlags(&made.requests, cudaStreamNonBlocking), "make a stream");
    return made;
  }();
  return one;
}

cudaError_t take(void*& memory, std::size_t bytes) {
  const auto& [pool, requests] = driver_pool();
  if (pool == nullptr) return cudaMalloc(&memory, bytes);
  const cudaError_t error = cudaMallocFromPoolAsync(&memory, bytes, pool, requests);
  return error == cudaSuccess ? cudaStreamSynchronize(requests) : error;
}

}  // namespace

void* take_from_driver(std::size_t bytes) {
  const auto lock = whole_device();
  void* memory = nullptr;
  const cudaError_t error = take(memory, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(error, "allocate device memory");
  return memory;
}

void return_to_driver(std::span<void* const> memory) noexcept {
  if (memory.empty()) return;
  const auto lock = whole_device();
  const auto& [pool, requests] = driver_pool();
  if (pool == nullptr) {
    for (void* const each : memory) cudaFree(each);
    return;
  }
  cudaDeviceSynchronize();
  for (void* const each : memory) cudaFreeAsync(each, requests);
  cudaStreamSynchronize(requests);
  cudaMemPoolTrimTo(pool, 0);  // to the card, where others may want it
}

}  // namespace lockstep::cuda
