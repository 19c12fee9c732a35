// Kernels with a mistake each, which the host layer must find.
#include "core/cuda/async_copy.h"
#include "core/cuda/launch.h"
#include "tests/cuda_on_host/planted.h"

namespace cuda_on_host {

namespace {

using namespace lockstep::cuda;

__global__ void missing_barrier(float* y, const float* x) {  // reads what another warp writes
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = s[63 - threadIdx.x];
}
__global__ void missing_second_barrier(float* y, const float* x) {  // writes what another warp may still read
  __shared__ float s[64];
  for (int i = 0; i < 2; ++i) {
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = s[63 - threadIdx.x];
  }
}
__global__ void missing_syncwarp(float* y, const float* x) {
  __shared__ float s[32];
  s[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = s[31 - threadIdx.x];
}
// What a copy brings is there after a wait, for other warps after a barrier too, and its place may not be
// read by then.
template <bool waits, bool barrier, bool second_barrier>
__global__ void copies(float* y, const float* x) {
  __shared__ float s[64];
  float sum = 0;
  for (int i = 0; i < 2; ++i) {
    start_copy<1>(s + threadIdx.x, x + threadIdx.x, true);
    end_group_of_copies();
    if (waits) wait_for_copies<0>();
    if (barrier) __syncthreads();
    sum += s[barrier ? 63 - threadIdx.x : threadIdx.x ^ 32];
    if (second_barrier) __syncthreads();
  }
  y[threadIdx.x] = sum;
}
__global__ void racing_blocks(float* y, const float* x) { y[threadIdx.x] = x[threadIdx.x] + blockIdx.x; }
__global__ void divergent_barrier(float* y, const float* x) {
  if (threadIdx.x < 40) __syncthreads();
  y[threadIdx.x] = x[threadIdx.x];
}
__global__ void two_barriers(float* y, const float* x) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = x[threadIdx.x];
}
__global__ void early_return(float* y, const float* x, int n) {
  if (static_cast<int>(threadIdx.x) >= n) return;
  y[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
}
__global__ void half_a_warp(float* y, const float* x) {
  float v = x[threadIdx.x];
  if (threadIdx.x < 16) v += __shfl_xor_sync(~0u, v, 1);
  y[threadIdx.x] = v;
}
__global__ void beyond_the_end(float* y, const float* x) { y[threadIdx.x] = x[threadIdx.x + 1]; }
__global__ void beyond_dynamic_shared(float* y, const float* x) {
  float* const s = dynamic_shared<float>();
  s[threadIdx.x + 1] = x[threadIdx.x];
  y[threadIdx.x] = 0;
}
__global__ void unwritten_shared(float* y, const float*) {
  __shared__ float s[64];
  y[threadIdx.x] = s[threadIdx.x];
}
__global__ void unwritten_device(float* y, const float*) { y[threadIdx.x] = y[threadIdx.x] + 1; }
__global__ void misaligned_vector(float* y, const float* x) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1 + 0 * threadIdx.x);
  y[threadIdx.x] = v.x;
}
__global__ void host_pointer(float* y, const float* host) { y[threadIdx.x] = host[threadIdx.x]; }
// Every block leaves a number, and the last one adds up.
template <bool barrier, bool fence_before, bool fence_behind>
__global__ void counted_blocks(float* y, const float* x) {
  __shared__ bool is_last;
  y[64 / gridDim.x * blockIdx.x + threadIdx.x] = x[threadIdx.x];
  if (barrier) __syncthreads();
  if (threadIdx.x == 0) {
    if (fence_before) __threadfence();
    is_last = atomicInc(reinterpret_cast<unsigned*>(y) + 63, gridDim.x - 1) == gridDim.x - 1;
    if (fence_behind) __threadfence();
  }
  __syncthreads();
  if (is_last) y[threadIdx.x] += y[16 + threadIdx.x] + y[32 + threadIdx.x];
}
template <bool barrier, bool fence_before, bool fence_behind>
void count_blocks(float* y, const float* x, const float*) {
  cudaMemsetAsync(y, 0, 64 * sizeof(float), cudaStreamPerThread);
  launch(counted_blocks<barrier, fence_before, fence_behind>, 4, 8, 0, y, x);
}
__global__ void fine(float* y, const float* x) { y[threadIdx.x] = x[threadIdx.x % 64]; }

}  // namespace

void copy_rightly(float* y, const float* x) { launch(copies<true, true, true>, 1, 64, 0, y, x); }
void count_blocks_rightly(float* y, const float* x) { count_blocks<true, true, true>(y, x, nullptr); }

const std::vector<Planted>& planted_mistakes() {
  using F = float*;
  using C = const float*;
  static const std::vector<Planted> all{
      {"no barrier before a block counts", "race: read while another thread writes", true,
       count_blocks<false, true, true>},
      {"no fence before a block counts", "race: read while another thread writes", true,
       count_blocks<true, false, true>},
      {"no fence behind a count", "race: read while another thread writes", true,
       count_blocks<true, true, false>},
      {"missing barrier", "race: read while another thread writes", true,
       [](F y, C x, C) { launch(missing_barrier, 1, 64, 0, y, x); }},
      {"missing second barrier", "race: written while another thread reads", true,
       [](F y, C x, C) { launch(missing_second_barrier, 1, 64, 0, y, x); }},
      {"missing barrier of a warp", "race: ", true,
       [](F y, C x, C) { launch(missing_syncwarp, 1, 32, 0, y, x); }},
      {"a copy that nobody waits for", "shared memory that nobody wrote", true,
       [](F y, C x, C) { launch(copies<false, true, true>, 1, 64, 0, y, x); }},
      {"no barrier behind a copy", "shared memory that nobody wrote", true,
       [](F y, C x, C) { launch(copies<true, false, true>, 1, 64, 0, y, x); }},
      {"no barrier before the next copy", "race: written while another thread reads", true,
       [](F y, C x, C) { launch(copies<true, true, false>, 1, 64, 0, y, x); }},
      {"two blocks write one word", "race: written twice", true,
       [](F y, C x, C) { launch(racing_blocks, 2, 64, 0, y, x); }},
      {"a barrier in a branch", "40 of 64 threads reach __syncthreads", false,
       [](F y, C x, C) { launch(divergent_barrier, 1, 64, 0, y, x); }},
      {"two barriers meet", "__syncthreads meets another one, in line", false,
       [](F y, C x, C) { launch(two_barriers, 1, 64, 0, y, x); }},
      {"a barrier behind a return", "50 of 64 threads reach __syncthreads", false,
       [](F y, C x, C) { launch(early_return, 1, 64, 0, y, x, 50); }},
      {"a shuffle by half a warp", "16 of 32 threads reach a warp function", false,
       [](F y, C x, C) { launch(half_a_warp, 1, 32, 0, y, x); }},
      {"beyond an allocation", "beyond an allocation", true,
       [](F y, C x, C) { launch(beyond_the_end, 1, 64, 0, y, x); }},
      {"beyond dynamic shared memory", "beyond shared memory", true,
       [](F y, C x, C) { launch(beyond_dynamic_shared, 1, 64, 256, y, x); }},
      {"unwritten shared memory", "shared memory that nobody wrote", true,
       [](F y, C x, C) { launch(unwritten_shared, 1, 64, 0, y, x); }},
      {"unwritten device memory", "device memory that nobody wrote", true,
       [](F y, C x, C) { launch(unwritten_device, 1, 64, 0, y, x); }},
      {"a vector that is not aligned", "misaligned, 16 bytes", true,
       [](F y, C x, C) { launch(misaligned_vector, 1, 32, 0, y, x); }},
      {"a host pointer", "host memory", true,
       [](F y, C, C host) { launch(host_pointer, 1, 32, 0, y, host); }},
      {"too many threads", "2048 threads in a block, the limit is 1024", false,
       [](F y, C x, C) { launch(fine, 1, 2048, 0, y, x); }},
      {"too many blocks", "70000 blocks along y, the limit is 65535", false,
       [](F y, C x, C) { launch(fine, dim3(1, 70000), 32, 0, y, x); }},
      {"too much shared memory", "bytes of dynamic shared memory, the limit", false,
       [](F y, C x, C) { launch(fine, 1, 32, 200 * 1024, y, x); }},
      {"a read of freed memory", "beyond an allocation", true,
       [](F y, C, C) {
         void* gone = nullptr;
         cudaMalloc(&gone, 256);
         cudaFree(gone);
         launch(fine, 1, 64, 0, y, static_cast<const float*>(gone));
       }},
      {"memory of a pool that nobody waited for", "beyond an allocation", true,
       [](F y, C, C) {
         void* early = nullptr;
         cudaMallocFromPoolAsync(&early, 256, nullptr, nullptr);
         launch(fine, 1, 64, 0, y, static_cast<const float*>(early));
       }},
  };
  return all;
}

}  // namespace cuda_on_host
