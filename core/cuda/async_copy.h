#pragma once

#include "core/cuda/launch.h"

#ifdef __CUDACC__
#include <cuda_pipeline.h>
#endif

// Copies into shared memory that a thread starts and later waits for, without a register for what is on its
// way.
namespace lockstep::cuda {

#ifdef __CUDACC__  // else the host layer has them

// `size` elements of f32, 1 or 4 (both places aligned for them); zeros, if there are none.
template <int size>
__device__ void start_copy(float* shared, const float* from, bool is_there) {
  __pipeline_memcpy_async(shared, from, size * sizeof(float), is_there ? 0 : size * sizeof(float));
}
// What was started since the last call is a group.
__device__ inline void end_group_of_copies() { __pipeline_commit(); }
// Waits for this thread's groups but the last `left`.
template <int left>
__device__ void wait_for_copies() {
  __pipeline_wait_prior(left);
}

#endif

}  // namespace lockstep::cuda
