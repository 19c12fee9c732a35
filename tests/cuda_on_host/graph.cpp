// Graphs: what is asked for of a stream between the begin and the end of a capture is kept, with its
// arguments, and run by every replay.
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/cuda_on_host/run.h"

namespace cuda_on_host {
namespace {

using Recording = std::vector<std::function<void()>>;

// cudaStreamPerThread is another stream on every thread.
thread_local std::map<cudaStream_t, std::unique_ptr<Recording>> captures;

}  // namespace

bool is_capturing(cudaStream_t stream) { return captures.contains(stream); }

void enqueue(cudaStream_t stream, std::function<void()> work) {
  const auto capture = captures.find(stream);
  if (capture == captures.end()) return work();
  capture->second->push_back(std::move(work));
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || is_capturing(stream)) return cudaErrorStreamCaptureUnsupported;
  captures.emplace(stream, std::make_unique<Recording>());
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const auto capture = captures.find(stream);
  if (capture == captures.end()) return cudaErrorStreamCaptureInvalidated;
  *graph = reinterpret_cast<cudaGraph_t>(capture->second.release());
  captures.erase(capture);
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = reinterpret_cast<cudaGraphExec_t>(new Recording(*reinterpret_cast<Recording*>(graph)));
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const auto& work : *reinterpret_cast<Recording*>(exec)) enqueue(stream, work);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Recording*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete reinterpret_cast<Recording*>(exec);
  return cudaSuccess;
}

}  // extern "C"
