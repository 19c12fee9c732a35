// The backward pass: one iterative walk from an output towards the leaves, in order of descending level.
#include <algorithm>
#include <queue>
#include <unordered_map>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops.h"
#include "core/runtime/observer.h"

namespace lockstep {

namespace {

bool is_only_owner(const Tensor& x) {
  return x.handle().use_count() == 1 && x.handle()->storage.use_count() == 1 && x.is_contiguous();
}

void add_in_place(const Tensor& sum, const Tensor& term) {
  kernels(sum).binary(BinaryOp::add, sum, sum, term);
  sum.mark_changed();
}

Tensor clone_values(const Tensor& x) {
  Tensor y = empty_like(x);
  kernels(y).copy(y, x);
  return y;
}

// A gradient that several contributions add up to.
class Accumulator {
 public:
  void add(Tensor gradient) {
    if (!sum_.defined()) {
      sum_ = std::move(gradient);
    } else if (!grad_enabled() && is_only_owner(sum_)) {
      add_in_place(sum_, gradient);
    } else {
      sum_ = sum_ + gradient;
    }
  }
  Target target(const Dims& shape, TensorOptions options) {
    if (!sum_.defined()) {
      sum_ = empty(shape, options);
      return {sum_, false};
    }
    if (!is_only_owner(sum_)) sum_ = clone_values(sum_);
    return {sum_, true};
  }
  const Tensor& sum() const { return sum_; }
  Tensor take() { return std::move(sum_); }

 private:
  Tensor sum_;
};

// leaf.grad += gradient, taking the memory over where nobody else holds it.
void add_to_leaf(const Tensor& leaf, Tensor gradient) {
  Tensor::Impl& impl = *leaf.handle();
  if (impl.grad_is_set && !grad_enabled() && is_only_owner(*impl.grad)) {
    add_in_place(*impl.grad, gradient);
    return;
  }
  if (impl.grad_is_set) gradient = *impl.grad + gradient;
  if (!grad_enabled() && !is_only_owner(gradient)) gradient = clone_values(gradient);
  impl.grad = std::make_unique<Tensor>(std::move(gradient));
  impl.grad_is_set = true;
}

Target leaf_target(const Tensor& leaf) {
  Tensor::Impl& impl = *leaf.handle();
  const bool accumulate = impl.grad_is_set;
  if (!impl.grad || !is_only_owner(*impl.grad)) {
    impl.grad = std::make_unique<Tensor>(accumulate ? clone_values(*impl.grad) : empty_like(leaf));
  }
  impl.grad_is_set = true;
  impl.grad->mark_changed();
  return {*impl.grad, accumulate};
}

class Walk {
 public:
  Walk(bool retain_graph, bool into_leaves) : retain_graph_(retain_graph), into_leaves_(into_leaves) {}

  // Only nodes on a path to one of `inputs` will run, and their gradients are kept. With `stop`, the inputs
  // count as independent of each other: the walk does not go on below them.
  void keep_only_paths_to(const std::shared_ptr<tape::Node>& root, std::span<const Tensor> inputs, bool stop);

  void run(const Tensor& y, const Tensor& dy);

  // The gradient of an input given to keep_only_paths_to, undefined if y does not depend on it.
  Tensor gradient(const Tensor& input);

 private:
  struct Slots;
  struct Entry {
    std::int64_t level;
    std::size_t order;  // ties go to the node met first, so that sums are always formed in the same order
    std::shared_ptr<tape::Node> node;
    bool operator<(const Entry& other) const {
      return level != other.level ? level < other.level : order > other.order;
    }
  };

  Accumulator& pending(const std::shared_ptr<tape::Node>& node) {
    const auto [position, is_new] = gradients_.try_emplace(node.get());
    if (is_new) queue_.push({node->level, met_++, node});
    return position->second;
  }
  bool wanted(const tape::Edge& edge) const {
    if (edge.node) return !restricted_ || paths_.contains(edge.node.get());
    return edge.leaf.defined() && (into_leaves_ || kept_leaves_.contains(edge.leaf.handle().get()));
  }

  bool retain_graph_, into_leaves_, restricted_ = false, stop_ = false;
  std::size_t met_ = 0;
  std::priority_queue<Entry> queue_;
  std::unordered_map<const tape::Node*, Accumulator> gradients_;
  std::unordered_map<const tape::Node*, bool> paths_;  // nodes that lead to an input; true: is one
  std::unordered_map<const Tensor::Impl*, Accumulator> kept_leaves_;
  std::unordered_map<const tape::Node*, Tensor> kept_nodes_;
};

struct Walk::Slots final : GradientSlots {
  Slots(Walk& the_walk, const tape::Node& the_node) : walk(the_walk), node(the_node) {}

  bool needed(int input) const override { return walk.wanted(edge(input)); }

  void add(int input, Tensor gradient) override {
    const tape::Edge& to = edge(input);
    if (!walk.wanted(to)) return;
    check(gradient.defined() && gradient.options() == to.options,
          "[{}] the gradient of input {} should be {} {} on {}, got {}", node.name, input,
          name_of(to.options.dtype), to_string(to.shape), name_of(to.options.device), describe(gradient));
    if (gradient.shape() != to.shape) gradient = sum_to(gradient, to.shape);
    if (to.node) {
      walk.pending(to.node).add(std::move(gradient));
    } else if (walk.into_leaves_) {
      add_to_leaf(to.leaf, std::move(gradient));
    } else {
      walk.kept_leaves_.at(to.leaf.handle().get()).add(std::move(gradient));
    }
  }

  Target target(int input) override {
    const tape::Edge& to = edge(input);
    if (!walk.wanted(to)) return {};
    if (to.node) return walk.pending(to.node).target(to.shape, to.options);
    if (walk.into_leaves_) return leaf_target(to.leaf);
    return walk.kept_leaves_.at(to.leaf.handle().get()).target(to.shape, to.options);
  }

  const tape::Edge& edge(int input) const { return node.edges[static_cast<std::size_t>(input)]; }

  Walk& walk;
  const tape::Node& node;
};

void Walk::keep_only_paths_to(const std::shared_ptr<tape::Node>& root, std::span<const Tensor> inputs,
                              bool stop) {
  restricted_ = true;
  stop_ = stop;
  for (const Tensor& input : inputs) {
    if (!input.defined()) continue;
    if (input.handle()->node) {
      paths_[input.handle()->node.get()] = true;
    } else {
      kept_leaves_[input.handle().get()];
    }
  }
  std::vector<const tape::Node*> reached{root.get()};
  std::unordered_map<const tape::Node*, bool> seen{{root.get(), true}};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (stop && paths_.contains(reached[i])) continue;
    for (const tape::Edge& edge : reached[i]->edges) {
      if (edge.node && seen.try_emplace(edge.node.get(), true).second) reached.push_back(edge.node.get());
    }
  }
  std::stable_sort(reached.begin(), reached.end(),
                   [](const tape::Node* a, const tape::Node* b) { return a->level < b->level; });
  for (const tape::Node* node : reached) {
    if (std::any_of(node->edges.begin(), node->edges.end(),
                    [&](const tape::Edge& edge) { return wanted(edge); })) {
      paths_.try_emplace(node, false);
    }
  }
}

void Walk::run(const Tensor& y, const Tensor& dy) {
  const std::shared_ptr<tape::Node>& root = y.handle()->node;
  if (restricted_ && !paths_.contains(root.get())) return;
  pending(root).add(dy);
  while (!queue_.empty()) {
    const std::shared_ptr<tape::Node> node = queue_.top().node;
    queue_.pop();
    const auto position = gradients_.find(node.get());
    const Tensor gradient = position->second.take();
    gradients_.erase(position);
    if (const auto path = paths_.find(node.get()); path != paths_.end() && path->second) {
      kept_nodes_[node.get()] = gradient;
      if (stop_) continue;
    }
    check(!node->freed,
          "[{}] the graph has been freed by an earlier backward pass: pass retain_graph = true to the first "
          "one",
          node->name);
    Slots slots(*this, *node);
    node->run(gradient, slots, node);
    if (!retain_graph_) {
      node->release();
      node->freed = true;
    }
    if (Observer* const observer = Observer::current()) observer->gradient(node->name);
  }
}

Tensor Walk::gradient(const Tensor& input) {
  if (!input.handle()->node) return kept_leaves_.at(input.handle().get()).sum();
  const auto position = kept_nodes_.find(input.handle()->node.get());
  return position == kept_nodes_.end() ? Tensor() : position->second;
}

Tensor checked_cotangent(const Tensor& y, const Tensor& dy, const char* name) {
  check(y.requires_grad(),
        "[{}] nothing to differentiate: {} does not depend on any tensor that requires a gradient", name,
        describe(y));
  if (!dy.defined()) {
    check(
        y.numel() == 1,
        "[{}] expected a tensor of one element, got {}: reduce it with sum() or mean(), or give its gradient",
        name, describe(y));
    return ones(y.shape(), y.options());
  }
  check(dy.shape() == y.shape() && dy.options() == y.options(), "[{}] the gradient of {} cannot be {}", name,
        describe(y), describe(dy));
  return dy;
}

}  // namespace

void backward(const Tensor& loss, const Tensor& dloss, bool retain_graph) {
  const NoGrad no_grad;
  const Tensor dy = checked_cotangent(loss, dloss, "backward");
  if (loss.is_leaf()) {
    add_to_leaf(loss, clone_values(dy));
    return;
  }
  Walk(retain_graph, true).run(loss, dy);
}

std::vector<Tensor> grad(const Tensor& y, std::span<const Tensor> inputs, const Tensor& dy,
                         GradOptions options) {
  const Tensor cotangent = checked_cotangent(y, dy, "grad");
  std::optional<NoGrad> no_grad;
  if (!options.create_graph) no_grad.emplace();
  for (const Tensor& input : inputs) {
    check(input.requires_grad(),
          "[grad] an input {} does not require a gradient: call set_requires_grad() on it first",
          describe(input));
  }
  std::vector<Tensor> gradients;
  if (y.is_leaf()) {
    for (const Tensor& input : inputs) gradients.push_back(input.is_same(y) ? cotangent : Tensor());
  } else {
    Walk walk(options.retain_graph || options.create_graph, false);
    walk.keep_only_paths_to(y.handle()->node, inputs, false);
    walk.run(y, cotangent);
    for (const Tensor& input : inputs) gradients.push_back(walk.gradient(input));
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    check(gradients[i].defined() || options.allow_unused,
          "[grad] the output does not depend on input {} ({}): leave it out, or set allow_unused", i,
          describe(inputs[i]));
  }
  return gradients;
}

std::vector<Tensor> grad(const Tensor& y, std::initializer_list<Tensor> inputs, const Tensor& dy,
                         GradOptions options) {
  return grad(y, std::span(inputs.begin(), inputs.size()), dy, options);
}

Tensor grad(const Tensor& y, const Tensor& input, const Tensor& dy, GradOptions options) {
  return grad(y, std::span(&input, 1), dy, options)[0];
}

Tensor jacobian(const Tensor& y, const Tensor& x, GradOptions options) {
  options.retain_graph = true;
  std::vector<Tensor> rows;
  const Tensor flat = reshape(y, {y.numel()});
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    Tensor row = grad(select(flat, 0, i), x, {}, options);
    rows.push_back(row.defined() ? row : zeros_like(x));
  }
  Dims shape = y.shape();
  for (const std::int64_t size : x.shape()) shape.push_back(size);
  return rows.empty() ? zeros(shape, x.options()) : reshape(stack(rows, 0), shape);
}

void tape::run_reference(const Tensor& y, std::span<const Tensor> inputs, const Tensor& dy,
                         GradientSlots& slots) {
  if (!y.requires_grad()) return;
  Walk walk(true, false);
  walk.keep_only_paths_to(y.handle()->node, inputs, true);
  walk.run(y, dy);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !slots.needed(static_cast<int>(i))) continue;
    if (Tensor gradient = walk.gradient(inputs[i]); gradient.defined())
      slots.add(static_cast<int>(i), std::move(gradient));
  }
}

}  // namespace lockstep
