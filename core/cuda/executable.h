#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace lockstep::cuda {

// A recorded graph, ready to be launched. To make or destroy one holds up the whole device, so that a thread
// keeps some that are no longer used, and changes one of as many requests to what the next graph asks for
// (cudaGraphExecUpdate): a study's runs mostly ask for the same kernels, with other memory.
class Executable {
 public:
  // Throws an Error where the driver cannot make one.
  Executable(cudaGraph_t graph, std::size_t requests);
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  void launch() const;  // on this thread's stream

 private:
  cudaGraphExec_t graph_ = nullptr;
  std::size_t requests_;
};

}  // namespace lockstep::cuda
