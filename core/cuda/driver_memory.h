#pragma once

#include <cstddef>
#include <span>

namespace lockstep::cuda {

// Device memory of the driver's, for caches and for what outlives them. It comes from a pool of the driver's
// (cudaMallocFromPoolAsync), which takes large pieces from the card and hands out parts of them: cudaMalloc
// and cudaFree make all streams wait for each other, every time, and a training begins with some 150 calls.
// They serve where a device has no pools.
// (CUDA C++ Programming Guide, Stream-Ordered Memory Allocator.)

// To be used on any stream, at once. Null: the GPU has no more.
void* take_from_driver(std::size_t bytes);

// Waits, once, for all that uses it. Not while this thread's stream is recorded.
void return_to_driver(std::span<void* const> memory) noexcept;

}  // namespace lockstep::cuda
