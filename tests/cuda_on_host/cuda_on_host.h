// CUDA's device built-ins for g++: the threads of a block are fibers of one operating system thread, and a
// launch runs its blocks one after the other, at once. Types and prototypes are those of NVIDIA's own
// headers. core/cuda/launch.h includes this where nvcc does not compile.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <source_location>
#include <tuple>
#include <utility>

#include "tests/cuda_on_host/run.h"

namespace cuda_on_host {

// Every lane gives a value and gets that of the lane `source`.
template <typename T>
CUDA_ON_HOST_UNWATCHED T from_lane(unsigned mask, T value, int source, const Where& where) {
  static_assert(sizeof(T) <= lane_bytes);
  const std::byte* const all = sync_warp(mask, &value, sizeof(T), false, where);
  std::memcpy(&value, all + lane_bytes * static_cast<std::size_t>(source), sizeof(T));
  return value;
}

template <typename... P>
struct Call {
  void (*kernel)(P...);
  std::tuple<P...> arguments;

  CUDA_ON_HOST_UNWATCHED static void run(void* call) {
    std::apply(static_cast<Call*>(call)->kernel, static_cast<Call*>(call)->arguments);
  }
};

}  // namespace cuda_on_host

#undef __shared__
#define __shared__ static thread_local
#undef __launch_bounds__
#define __launch_bounds__(...)
#define threadIdx (::cuda_on_host::thread_index())
#define blockIdx (::cuda_on_host::block_index())
#define blockDim (::cuda_on_host::block_size())
#define gridDim (::cuda_on_host::grid_size())

using CudaWhere = cuda_on_host::Where;

inline void __syncthreads(CudaWhere where = CudaWhere::current()) { cuda_on_host::sync_block(where); }
inline void __syncwarp(unsigned mask = ~0u, CudaWhere where = CudaWhere::current()) {
  cuda_on_host::sync_warp(mask, nullptr, 0, true, where);
}
template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, CudaWhere where = CudaWhere::current()) {
  const int lane = cuda_on_host::lane();
  return cuda_on_host::from_lane(mask, value, (lane & ~(width - 1)) | (source & (width - 1)), where);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, CudaWhere where = CudaWhere::current()) {
  const int lane = cuda_on_host::lane(), source = lane ^ bits;
  return cuda_on_host::from_lane(mask, value, source / width > lane / width ? lane : source, where);
}

CUDA_ON_HOST_UNWATCHED inline unsigned __ballot_sync(unsigned mask, bool value,
                                                     CudaWhere where = CudaWhere::current()) {
  const std::byte* const all = cuda_on_host::sync_warp(mask, &value, sizeof value, false, where);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    bits |= static_cast<unsigned>(all[cuda_on_host::lane_bytes * lane] != std::byte{0}) << lane;
  return bits;
}

// One operating system thread runs all kernels, so plain accesses are atomic.
template <typename T>
CUDA_ON_HOST_UNWATCHED T atomicCAS(T* address, T expected, T value) {
  cuda_on_host::atomic_access(address, sizeof(T));
  const T old = *address;
  if (old == expected) *address = value;
  return old;
}

CUDA_ON_HOST_UNWATCHED inline unsigned atomicInc(unsigned* counter, unsigned most) {
  cuda_on_host::atomic_access(counter, sizeof *counter);
  cuda_on_host::count_at(counter);
  const unsigned old = *counter;
  *counter = old >= most ? 0 : old + 1;
  return old;
}
inline void __threadfence() { cuda_on_host::fence(); }
inline void __threadfence_system() { cuda_on_host::fence(); }

namespace lockstep::cuda {

template <typename... Parameters>
void start(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared,
           Parameters... arguments) {
  cuda_on_host::count_call();
  cuda_on_host::Call<Parameters...> call{kernel, {arguments...}};
  const cuda_on_host::Launch launch{reinterpret_cast<const void*>(kernel), grid, block, shared, sizeof call};
  cuda_on_host::enqueue(stream(), [launch, call]() mutable { cuda_on_host::run(launch, call.run, &call); });
}

template <typename T>
T* dynamic_shared() {
  return static_cast<T*>(cuda_on_host::dynamic_shared_memory());
}

// async_copy.h: what is copied is read when the copy starts, and is there when it has been waited for; until
// then nobody may count on what is there.
template <int size>
void start_copy(float* shared, const float* from, bool is_there) {
  cuda_on_host::Copy copy{shared, {}, size};
  for (int i = 0; i < size; ++i) {
    if (is_there) copy.values[i] = from[i];
    shared[i] = std::numeric_limits<float>::quiet_NaN();
  }
  cuda_on_host::start(copy);
}
inline void end_group_of_copies() { cuda_on_host::end_group_of_copies(); }
template <int left>
void wait_for_copies() {
  for (cuda_on_host::Copy copy; cuda_on_host::finish_copy(left, copy);)
    for (int i = 0; i < copy.size; ++i) copy.to[i] = copy.values[i];
}

// tensor_core.h
inline std::uint32_t to_bf16(float first, float second) {
  const auto rounded = [](float x) {  // ties to even
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if (x != x) return bits >> 16 | 0x40;  // still NaN
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  };
  return rounded(first) | rounded(second) << 16;
}
CUDA_ON_HOST_UNWATCHED inline void multiply_bf16(float (&d)[4], const std::uint32_t (&a)[4],
                                                 const std::uint32_t (&b)[2], const float (&c)[4],
                                                 CudaWhere where = CudaWhere::current()) {
  std::uint32_t given[6];
  std::copy_n(a, 4, given);
  std::copy_n(b, 2, given + 4);
  const std::byte* const all =
      cuda_on_host::sync_warp(~0u, given, sizeof given, false, where, cuda_on_host::multiply_bf16);
  float product[4];
  std::memcpy(product, all + cuda_on_host::lane_bytes * static_cast<std::size_t>(cuda_on_host::lane()),
              sizeof product);
  for (int e = 0; e < 4; ++e) d[e] = c[e] + product[e];
}

}  // namespace lockstep::cuda
