// Graphs: what is asked for of a stream between the begin and the end of a capture is kept, with its
// arguments, and run by every replay.
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/cuda_on_host/run.h"

namespace cuda_on_host {
namespace {

using Moment = std::chrono::steady_clock::time_point;
using Recording = std::vector<std::function<void()>>;
struct Capture {
  std::unique_ptr<Recording> recording;
  cudaStreamCaptureMode mode;
};

// cudaStreamPerThread is another stream on every thread.
thread_local std::map<cudaStream_t, Capture> captures;

}  // namespace

bool is_capturing(cudaStream_t stream) { return captures.contains(stream); }
bool is_capturing_any() { return !captures.empty(); }
bool forbids_allocation(cudaStream_t stream) {
  return is_capturing(stream) && captures.at(stream).mode != cudaStreamCaptureModeRelaxed;
}

void enqueue(cudaStream_t stream, std::function<void()> work) {
  const auto capture = captures.find(stream);
  if (capture == captures.end()) return work();
  capture->second.recording->push_back(std::move(work));
}

}  // namespace cuda_on_host

using namespace cuda_on_host;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (stream == nullptr || is_capturing(stream)) return cudaErrorStreamCaptureUnsupported;
  captures.emplace(stream, Capture{std::make_unique<Recording>(), mode});
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = reinterpret_cast<cudaEvent_t>(new Moment);
  return cudaSuccess;
}
// Work is done when it is asked for, so there is nothing to wait for.
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  count_call();
  *reinterpret_cast<Moment*>(event) = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) {
  count_call();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
  *ms = std::chrono::duration<float, std::milli>(*reinterpret_cast<Moment*>(end) -
                                                 *reinterpret_cast<Moment*>(begin))
            .count();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete reinterpret_cast<Moment*>(event);
  return cudaSuccess;
}
// Kernels have no names here, but for that.
cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  *name = "kernel";
  return has_run(kernel) ? cudaSuccess : cudaErrorInvalidDeviceFunction;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const auto capture = captures.find(stream);
  if (capture == captures.end()) return cudaErrorStreamCaptureInvalidated;
  *graph = reinterpret_cast<cudaGraph_t>(capture->second.recording.release());
  captures.erase(capture);
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  count_stopping_call();
  *exec = reinterpret_cast<cudaGraphExec_t>(new Recording(*reinterpret_cast<Recording*>(graph)));
  return cudaSuccess;
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph,
                                cudaGraphExecUpdateResultInfo* result) {
  auto& now = *reinterpret_cast<Recording*>(exec);
  const auto& wanted = *reinterpret_cast<Recording*>(graph);
  const bool fits = now.size() == wanted.size();
  result->result = fits ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
  if (!fits) return cudaErrorGraphExecUpdateFailure;
  now = wanted;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  count_call();
  for (const auto& work : *reinterpret_cast<Recording*>(exec)) enqueue(stream, work);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Recording*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  count_stopping_call();
  delete reinterpret_cast<Recording*>(exec);
  return cudaSuccess;
}

}  // extern "C"
