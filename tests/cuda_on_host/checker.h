// What a GPU would not forgive: races, reads of what nobody wrote, accesses beyond an allocation or to host
// memory. The compiler tells of every access: checked kernels are compiled with -fsanitize=thread, whose
// calls tsan_calls.cpp answers. They look up 16 bytes of shadow for each word (last writer, last reader, and
// when) and compare times with the last barrier that orders the two threads.
#pragma once

#include <string>

#include "tests/cuda_on_host/run.h"

namespace cuda_on_host {

using Address = std::uintptr_t;

struct Region {
  Address begin = 0, end = 0;
  bool holds(Address a) const { return a - begin < end - begin; }
};

// A thread, and the times of the last barriers that order others' accesses before its own.
struct Access {
  std::uint32_t thread = 0, block = 0, warp = 0;  // counted over the grid; threads from 1
  std::uint32_t block_order = 0, warp_order = 0;
  // Between blocks: the time of the thread's last fence, the counter at which it has counted since its last
  // barrier, and the one whose blocks' writes come before what the thread does from now on.
  std::uint32_t fence = 0;
  Address counted = 0, seen = 0;
};

// Throws where a launch is beyond the limits of a GPU.
void check_launch(const Launch& launch);
void begin_launch(const Launch& launch, const void* dynamic, const void* arguments);
void begin_block();
void end_launch();  // throws what was found
// Who runs from now on, and on which stack; null: nobody.
void enter(const Access* thread, Region stack);
// The running block has counted at this address; what it wrote before that time is for those who count later.
void release_writes(Address counter, std::uint32_t time);
std::uint32_t now();
std::uint32_t tick();
void report(const std::string& what, const Where& where);
// An access by the thread that runs; `pc`: of the instruction behind it.
void check_access(bool write, Address address, std::size_t bytes, Address pc);
// What shared memory holds there is no longer known.
void forget_shared(const void* address, std::size_t bytes);
// By a library that computes on the device, or a copy: throws std::runtime_error unless all of it is device
// memory (and was written, if it is read).
void check_whole(bool write, const void* address, std::size_t bytes, const char* what);

}  // namespace cuda_on_host
