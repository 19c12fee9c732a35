#include "core/cuda/request_clock.h"

#include <cuda_runtime.h>
#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/cuda/runtime.h"

namespace lockstep::cuda {

namespace {

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), "make an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void mark() const { check(cudaEventRecord(event_, stream()), "mark a moment"); }
  double seconds_since(const Event& earlier) const {
    check(cudaEventSynchronize(event_), "run this thread's kernels");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, earlier.event_, event_), "measure a time");
    return 1e-3 * static_cast<double>(ms);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

std::string name_of(const void* what) {
#if CUDART_VERSION >= 12030
  const char* mangled = nullptr;
  if (cudaFuncGetName(&mangled, what) == cudaSuccess) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> demangled(
        abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
    return short_name(status == 0 ? demangled.get() : mangled);
  }
  cudaGetLastError();  // so that the next call does not report it again
#endif
  return "product";
}

}  // namespace

void time_request(Observer& observer, const void* what, const std::function<void()>& issue) {
  const Event begin, end;
  check(cudaStreamSynchronize(stream()), "run this thread's kernels");
  begin.mark();
  issue();
  end.mark();
  observer.request(name_of(what), end.seconds_since(begin));
}

int repetitions(Observer& observer, const void* what) { return observer.repeats(name_of(what)); }

std::string short_name(std::string name) {
  constexpr std::string_view unnamed = "(anonymous namespace)::", kernel = "_kernel";
  for (std::size_t at; (at = name.find(unnamed)) != std::string::npos;) name.erase(at, unnamed.size());
  name.erase(std::min(name.find_first_of("<("), name.size()));
  if (const std::size_t last = name.find_last_of(": "); last != std::string::npos) name.erase(0, last + 1);
  if (name.ends_with(kernel)) name.erase(name.size() - kernel.size());
  return name;
}

}  // namespace lockstep::cuda
