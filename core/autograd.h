#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "core/target.h"
#include "core/tensor.h"

// The eager tape. An op computes its output and records how a gradient flows back:
//
//   // y = a * b
//   return record("mul", y, wrt(a, [b = saved(b)](const Tensor& dy) { return dy * b(); }),
//                           wrt(b, [a = saved(a)](const Tensor& dy) { return dy * a(); }));
//
// A gradient function may take (dy, y) where it needs its own output. Gradient functions are written in ops,
// so that they can be differentiated again; a fused op records a raw backward and a reference instead
// (record_fused). Ownership points from outputs to inputs only; walking and destroying the graph are
// iterative.
namespace lockstep {

// ---- For users ----

// Adds d loss / d leaf, of the leaf's shape, to grad() of every leaf that requires one. The graph is freed
// afterwards unless retain_graph. Throws Error where loss depends on nothing that requires a gradient, has
// more than one element and no dloss, where dloss has not loss's shape, type and device, where the graph has
// been freed, and where a tensor saved in it has been changed in place since.
//
// Threads may compute forward and grad() with the same parameters at once, which only reads them. backward()
// writes grad() without a lock: two threads must not call it, nor step an optimizer, on the same leaves at
// the same time. Give each thread a model of its own, or collect what grad() returns.
void backward(const Tensor& loss, const Tensor& dloss = {}, bool retain_graph = false);

struct GradOptions {
  bool create_graph = false;  // record the backward pass, so that its results can be differentiated again
  bool retain_graph = false;  // keep the graph for another pass; create_graph implies it
  // Inputs that y does not depend on: undefined tensors in the result; false: an Error.
  bool allow_unused = false;
};

// dy^T (d y / d inputs), each of its input's shape, without touching any grad(). `dy` undefined means 1 for a
// y of one element. Throws what backward() throws, and for an input that requires no gradient.
std::vector<Tensor> grad(const Tensor& y, std::span<const Tensor> inputs, const Tensor& dy = {},
                         GradOptions options = {});
std::vector<Tensor> grad(const Tensor& y, std::initializer_list<Tensor> inputs, const Tensor& dy = {},
                         GradOptions options = {});
// Of one input: d loss / d x is grad(loss, x).
Tensor grad(const Tensor& y, const Tensor& input, const Tensor& dy = {}, GradOptions options = {});

// d y / d x, of y's shape followed by x's: one backward pass for each element of y. Throws what grad()
// throws; with allow_unused, an x that y does not depend on gives zeros.
Tensor jacobian(const Tensor& y, const Tensor& x, GradOptions options = {});

// While one lives, ops on this thread record nothing (NoGrad), or do again (EnableGrad). Give it a name:
// without one it ends at once.
class GradMode {
 public:
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 protected:
  explicit GradMode(bool record);
  ~GradMode();

 private:
  bool before_;
};
class NoGrad : GradMode {
 public:
  [[nodiscard]] NoGrad() : GradMode(false) {}
};
class EnableGrad : GradMode {
 public:
  [[nodiscard]] EnableGrad() : GradMode(true) {}
};

bool grad_enabled();

// ---- For ops ----

// A tensor kept for the backward pass. Calling it gives the tensor, or throws if it was changed in place
// meanwhile.
class Saved {
 public:
  explicit Saved(const Tensor& x) : x_(x), version_(x.defined() ? x.version() : 0) {}
  const Tensor& operator()() const;

 private:
  Tensor x_;
  std::uint32_t version_;
};
inline Saved saved(const Tensor& x) { return Saved(x); }

// What a backward function hands its results to: one slot per input.
class GradientSlots {
 public:
  virtual bool needed(int input) const = 0;
  // Gives the gradient of an input; it may have been broadcast and is then summed to the input's shape.
  virtual void add(int input, Tensor gradient) = 0;
  // Memory of the input's shape to write into, saving a copy; not wanted() unless needed(input).
  virtual Target target(int input) = 0;

 protected:
  ~GradientSlots() = default;
};

namespace tape {

// Where a node's gradient goes: to the node that computed the input, or into a leaf.
struct Edge {
  explicit Edge(const Tensor& x);
  bool needed() const { return node != nullptr || leaf.defined(); }

  std::shared_ptr<Node> node;
  Tensor leaf;
  Dims shape;
  TensorOptions options;
};

// One recorded op.
class Node {
 public:
  Node(const char* op_name, std::vector<Edge> inputs);
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  virtual void run(const Tensor& dy, GradientSlots& slots, const std::shared_ptr<Node>& self) = 0;
  // Drops what was saved; a later run() is an error.
  virtual void release() = 0;

  const char* name;
  std::vector<Edge> edges;
  // 1 + the largest level of the inputs: descending levels are an order in which outputs come before inputs.
  std::int64_t level = 0;
  Dims shape;  // of the output
  DType dtype = DType::f32;
  bool freed = false;
};

// Attaches the node to its output y and returns y.
Tensor attach(Tensor y, std::shared_ptr<Node> node);
// shared_ptr whose deleter destroys chains of nodes without recursion.
std::shared_ptr<Node> own(std::unique_ptr<Node> node);
// y again (same memory), as the output of `node`: how a gradient function that uses its own output stays
// differentiable.
Tensor reattach(const Tensor& y, const std::shared_ptr<Node>& node);

// An input and its gradient function, (dy) or (dy, y) -> gradient.
template <typename F>
struct InputGradient {
  const Tensor& input;
  F gradient;
};

template <typename... F>
class OpNode final : public Node {
 public:
  OpNode(const char* op_name, const Tensor& y, InputGradient<F>... inputs)
      : Node(op_name, {Edge(inputs.input)...}), gradients_(std::in_place, std::move(inputs.gradient)...) {
    if constexpr ((std::is_invocable_v<F, const Tensor&, const Tensor&> || ...)) y_.emplace(y.detach());
  }

  void run(const Tensor& dy, GradientSlots& slots, const std::shared_ptr<Node>& self) override {
    int input = 0;
    std::apply([&](const F&... f) { (run_one(f, input++, dy, slots, self), ...); }, *gradients_);
  }

  void release() override {
    gradients_.reset();
    y_.reset();
  }

 private:
  template <typename G>
  void run_one(const G& gradient, int input, const Tensor& dy, GradientSlots& slots,
               const std::shared_ptr<Node>& self) {
    if (!slots.needed(input)) return;
    if constexpr (std::is_invocable_v<G, const Tensor&, const Tensor&>) {
      slots.add(input, gradient(dy, reattach((*y_)(), self)));
    } else {
      slots.add(input, gradient(dy));
    }
  }

  std::optional<std::tuple<F...>> gradients_;
  std::optional<Saved> y_;
};

}  // namespace tape

template <typename F>
tape::InputGradient<F> wrt(const Tensor& input, F gradient) {
  return {input, std::move(gradient)};
}

// Records y as the result of an op with one gradient function per input. Returns y.
template <typename... F>
Tensor record(const char* name, Tensor y, tape::InputGradient<F>... inputs) {
  if (!grad_enabled() || !(inputs.input.requires_grad() || ...)) return y;
  auto node = tape::own(std::make_unique<tape::OpNode<F...>>(name, y, std::move(inputs)...));
  return tape::attach(std::move(y), std::move(node));
}

namespace tape {

// x under another identity: gradients with respect to it stop there before they go on to x.
Tensor alias(const Tensor& x);

// Gradients through y = reference(inputs), inputs made by alias(): the path of second derivatives.
void run_reference(const Tensor& y, std::span<const Tensor> inputs, const Tensor& dy, GradientSlots& slots);

template <std::size_t N, typename Backward, typename Reference>
class FusedNode final : public Node {
 public:
  FusedNode(const char* op_name, const std::array<Tensor, N>& inputs, Backward backward, Reference reference)
      : Node(op_name, std::vector<Edge>(inputs.begin(), inputs.end())) {
    state_.emplace(State{{}, std::move(backward), std::move(reference)});
    for (const Tensor& x : inputs) state_->inputs.push_back(saved(x));
  }

  void run(const Tensor& dy, GradientSlots& slots, const std::shared_ptr<Node>&) override {
    std::array<Tensor, N> inputs;
    for (std::size_t i = 0; i < N; ++i) inputs[i] = state_->inputs[i]();
    if (grad_enabled()) {
      for (Tensor& x : inputs) x = alias(x);
      run_reference(std::apply(state_->reference, inputs), inputs, dy, slots);
    } else {
      state_->backward(dy, inputs, slots);
    }
  }

  void release() override { state_.reset(); }

 private:
  struct State {
    std::vector<Saved> inputs;
    Backward backward;
    Reference reference;
  };
  std::optional<State> state_;
};

}  // namespace tape

// Records y = reference(inputs...), computed by a fused kernel. `backward(dy, inputs, slots)` is the fast
// gradient; `reference` gives the same function in differentiable ops. Undefined inputs stand for absent
// ones.
template <std::size_t N, typename Backward, typename Reference>
Tensor record_fused(const char* name, Tensor y, const std::array<Tensor, N>& inputs, Backward backward,
                    Reference reference) {
  bool any = false;
  for (const Tensor& x : inputs) any = any || x.requires_grad();
  if (!grad_enabled() || !any) return y;
  using Fused = tape::FusedNode<N, Backward, Reference>;
  return tape::attach(std::move(y), tape::own(std::make_unique<Fused>(name, inputs, std::move(backward),
                                                                      std::move(reference))));
}

}  // namespace lockstep
