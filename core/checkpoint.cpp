#include "core/checkpoint.h"

#include <unordered_set>

#include "core/autograd.h"

namespace lockstep {

namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

// The leaves that a result depends on besides the inputs, in the order in which they are met.
std::vector<Tensor> leaves_of(const Tensor& y, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  std::unordered_set<const void*> seen;
  for (const Tensor& input : inputs) {
    if (!input.defined()) continue;
    seen.insert(input.handle().get());
    if (input.handle()->node) seen.insert(input.handle()->node.get());
  }
  std::vector<std::shared_ptr<tape::Node>> nodes{y.handle()->node};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i]) continue;
    for (const tape::Edge& edge : nodes[i]->edges) {
      if (edge.node && seen.insert(edge.node.get()).second) nodes.push_back(edge.node);
      if (edge.leaf.defined() && seen.insert(edge.leaf.handle().get()).second) leaves.push_back(edge.leaf);
    }
  }
  return leaves;
}

class CheckpointNode final : public tape::Node {
 public:
  CheckpointNode(Function f, const std::vector<Tensor>& all, std::size_t inputs)
      : Node("checkpoint", std::vector<tape::Edge>(all.begin(), all.end())),
        f_(std::move(f)),
        inputs_(inputs) {
    for (const Tensor& x : all) saved_.push_back(saved(x));
  }

  void run(const Tensor& dy, GradientSlots& slots, const std::shared_ptr<tape::Node>&) override {
    std::vector<Tensor> all, inputs;
    for (const Saved& x : saved_) all.push_back(x());
    Tensor y;
    {
      const EnableGrad again;
      for (std::size_t i = 0; i < inputs_; ++i) {
        if (all[i].defined()) all[i] = tape::alias(all[i]);
        inputs.push_back(all[i]);
      }
      y = f_(inputs);
    }
    tape::run_reference(y, all, dy, slots);
  }

  void release() override { saved_.clear(); }

 private:
  Function f_;
  std::size_t inputs_;
  std::vector<Saved> saved_;
};

}  // namespace

Tensor checkpoint(const Function& f, const std::vector<Tensor>& inputs) {
  if (!grad_enabled()) return f(inputs);
  const Tensor y = f(inputs);
  if (!y.requires_grad() || y.is_leaf()) return y;
  std::vector<Tensor> all = inputs;
  for (const Tensor& leaf : leaves_of(y, inputs)) all.push_back(leaf);
  return tape::attach(y.detach(), tape::own(std::make_unique<CheckpointNode>(f, all, inputs.size())));
}

}  // namespace lockstep
