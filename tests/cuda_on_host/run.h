// How a kernel runs on the host. Everything here lives in files that are not instrumented.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>

// Accesses of the host layer's own, of which the checker should not be told.
#define CUDA_ON_HOST_UNWATCHED __attribute__((no_sanitize("thread")))

namespace cuda_on_host {

using Where = std::source_location;

struct Launch {
  const void* kernel = nullptr;
  dim3 grid, block;
  std::size_t shared = 0, argument_bytes = 0;
};

// Runs all threads of a launch; `call` runs one, with the arguments. Throws std::runtime_error with what the
// checker found.
void run(const Launch& launch, void (*call)(void*), void* arguments);

// For the thread that runs. const: the same all through it.
uint3 thread_index() __attribute__((const));
uint3 block_index() __attribute__((const));
dim3 block_size() __attribute__((const));
dim3 grid_size() __attribute__((const));
void* dynamic_shared_memory() __attribute__((const));
int lane() __attribute__((const));
void sync_block(const Where& where);
// Every lane gives lane_bytes at most and gets those of all, as far apart; `orders`: accesses to memory, too.
// `combine`, if any, turns what the lanes gave into what they get, once for all.
constexpr std::size_t lane_bytes = 32;
const std::byte* sync_warp(unsigned mask, const void* value, std::size_t bytes, bool orders,
                           const Where& where, void (*combine)(std::byte* values) = nullptr);
void atomic_access(const void* address, std::size_t bytes);

// A copy into shared memory that the running thread has started, and what will be there.
struct Copy {
  float* to;
  float values[4];
  int size;
};
void start(const Copy& copy);
void end_group_of_copies();
// The oldest one that is done when all groups of the running thread but the last `left` are.
bool finish_copy(int left, Copy& copy);
// Of each lane, a and b as lockstep::cuda::multiply_bf16 takes them; then its part of a b.
void multiply_bf16(std::byte* values);

void fence();
void count_at(const void* counter);  // an atomic operation by which blocks know of each other

// Does the work at once, or keeps it where the stream is being captured.
void enqueue(cudaStream_t stream, std::function<void()> work);
bool is_capturing(cudaStream_t stream);
bool is_capturing_any();  // of this thread's streams
// Whether it is, in another mode than the relaxed one.
bool forbids_allocation(cudaStream_t stream);

// Calls so far of the runtime that a training asks for all the time: kernels, copies, waits, graphs.
std::uint64_t calls();
void count_call();
// Those for which a card's driver stops all that runs there, or holds others up: of memory and of
// graphs.
std::uint64_t stopping_calls();
void count_stopping_call();

enum class Order { forward, backward, shuffled };
void set_order(Order order);  // in which blocks, and the threads of each, start
std::uint64_t launches();     // so far
std::uint64_t threads_run();  // of all launches so far
bool has_run(const void* kernel);
// Whether kernels run on a GPU (on_device.cpp) and not here.
bool is_gpu();
// Whether the kernels of this program tell the checker of their accesses.
bool is_checked();

}  // namespace cuda_on_host
