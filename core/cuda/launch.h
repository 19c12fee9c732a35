// What a .cu file includes: CUDA, and the one way to launch a kernel. nvcc compiles the text as it stands;
// compiled by g++, it runs on the host layer of tests/cuda_on_host.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "core/cuda/recorder.h"

#ifdef __CUDACC__

namespace lockstep::cuda {

// The first start of a kernel on this thread. The driver loads it then, for which it may wait for the whole
// device, and lets it have more shared memory than is the rule.
inline void prepare(const void* kernel, std::size_t shared) {
  thread_local std::unordered_map<const void*, std::size_t> prepared;
  const auto [entry, is_new] = prepared.try_emplace(kernel, 0);
  if (!is_new && shared <= entry->second) return;
  const auto lock = whole_device();
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, kernel), "load a kernel");
  constexpr std::size_t rule = 48 * 1024;  // for all of its shared memory
  entry->second = rule - std::min(rule, attributes.sharedSizeBytes);
  if (shared <= entry->second) return;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)),
        "give a kernel its shared memory");
  entry->second = shared;
}

template <typename... Parameters>
void start(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared,
           Parameters... arguments) {
  prepare(reinterpret_cast<const void*>(kernel), shared);
  kernel<<<grid, block, shared, stream()>>>(arguments...);
  check(cudaGetLastError(), "launch a kernel");
}

// The dynamic shared memory of the block.
template <typename T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
}

}  // namespace lockstep::cuda

#else
#include "cuda_on_host.h"  // of the host layer
#endif

namespace lockstep::cuda {

// Runs the kernel on this thread's stream. A grid without blocks is no launch.
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared,
            Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  submit([=] { start<Parameters...>(kernel, grid, block, shared, static_cast<Parameters>(arguments)...); },
         reinterpret_cast<const void*>(kernel), grid, block, shared, static_cast<Parameters>(arguments)...);
}

constexpr unsigned block_threads = 256;

// Blocks for n elements, a thread each; from 2^20 threads on, every thread takes several.
inline unsigned blocks_for(std::int64_t n) {
  return static_cast<unsigned>(n <= 0 ? 0 : n > (std::int64_t{1} << 20) ? 4096 : (n - 1) / block_threads + 1);
}

// Blocks that take `each` of n.
inline unsigned blocks_of(std::int64_t n, std::int64_t each) {
  return static_cast<unsigned>((n + each - 1) / each);
}

// The number of this thread, and of all threads, in a grid of one dimension.
__device__ inline std::int64_t first_element() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t all_threads() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

// Whether this block is the last of `count` that call this with the same counter; it then sees what all of
// them wrote before. For all threads of a block; between launches the counter is 0.
__device__ inline bool comes_last(unsigned* counter, unsigned count) {
  __shared__ bool is_last;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    is_last = atomicInc(counter, count - 1) == count - 1;
    __threadfence();
  }
  __syncthreads();
  return is_last;
}

// The sum and the largest over `width` neighbouring lanes of a warp (a power of two), in all of them.
template <int width = 32, typename T>
__device__ T sum_of_lanes(T x) {
  for (int bits = width / 2; bits > 0; bits /= 2) x += __shfl_xor_sync(~0u, x, bits);
  return x;
}
template <int width = 32, typename T>
__device__ T max_of_lanes(T x) {
  for (int bits = width / 2; bits > 0; bits /= 2) {
    const T other = __shfl_xor_sync(~0u, x, bits);
    x = x > other ? x : other;
  }
  return x;
}

}  // namespace lockstep::cuda
