#include "core/cuda/executable.h"

#include <vector>

#include "core/cuda/runtime.h"
#include "core/runtime/of_this_thread.h"

namespace lockstep::cuda {

namespace {

void destroy(cudaGraphExec_t graph) {
  const auto lock = whole_device();
  cudaGraphExecDestroy(graph);
}

// What a thread keeps, the oldest first.
class Spares {
 public:
  Spares() = default;
  ~Spares() {
    for (const Spare& spare : all_) destroy(spare.graph);
  }
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;

  void keep(cudaGraphExec_t graph, std::size_t requests) {
    constexpr std::size_t most = 4;
    all_.push_back({graph, requests});
    if (all_.size() <= most) return;
    destroy(all_.front().graph);
    all_.erase(all_.begin());
  }

  // One that was changed to `graph`; null: none can be.
  cudaGraphExec_t changed_to(cudaGraph_t graph, std::size_t requests) {
    for (auto spare = all_.begin(); spare != all_.end(); ++spare) {
      if (spare->requests != requests) continue;
      cudaGraphExecUpdateResultInfo why{};
      if (cudaGraphExecUpdate(spare->graph, graph, &why) == cudaSuccess) {
        const cudaGraphExec_t changed = spare->graph;
        all_.erase(spare);
        return changed;
      }
      cudaGetLastError();  // so that the next call does not report it again
    }
    return nullptr;
  }

 private:
  struct Spare {
    cudaGraphExec_t graph;
    std::size_t requests;
  };
  std::vector<Spare> all_;
};

}  // namespace

Executable::Executable(cudaGraph_t graph, std::size_t requests) : requests_(requests) {
  const auto lock = whole_device();
  if (Spares* const spares = OfThisThread<Spares>::get()) graph_ = spares->changed_to(graph, requests);
  if (graph_ == nullptr) check(cudaGraphInstantiate(&graph_, graph, 0), "make a graph");
}

Executable::~Executable() {
  Spares* const spares = OfThisThread<Spares>::get();
  spares != nullptr ? spares->keep(graph_, requests_) : destroy(graph_);
}

void Executable::launch() const { check(cudaGraphLaunch(graph_, stream()), "launch a graph"); }

}  // namespace lockstep::cuda
