#include "core/autograd.h"

#include "core/runtime/observer.h"

namespace lockstep {

namespace {

thread_local bool recording = true;

// Destroying a node releases what it saved, and with it perhaps the next node, and so on down the graph: the
// nodes queue up here instead of recursing.
void destroy(tape::Node* node) {
  thread_local std::vector<tape::Node*> pending;
  thread_local bool draining = false;
  pending.push_back(node);
  if (draining) return;
  draining = true;
  while (!pending.empty()) {
    const std::unique_ptr<tape::Node> next(pending.back());
    pending.pop_back();
  }
  draining = false;
}

}  // namespace

bool grad_enabled() { return recording; }

GradMode::GradMode(bool record) : before_(recording) { recording = record; }
GradMode::~GradMode() { recording = before_; }

const Tensor& Saved::operator()() const {
  if (x_.defined() && x_.version() != version_) {
    fail(
        "a tensor {} that was saved for the backward pass has been changed in place since (version {}, saved "
        "at {}): "
        "run backward() before the change, or change a copy",
        describe(x_), x_.version(), version_);
  }
  return x_;
}

namespace tape {

Edge::Edge(const Tensor& x) {
  if (!x.defined()) return;
  shape = x.shape();
  options = x.options();
  if (x.handle()->node) {
    node = x.handle()->node;
  } else if (x.requires_grad()) {
    leaf = x;
  }
}

Node::Node(const char* op_name, std::vector<Edge> inputs) : name(op_name), edges(std::move(inputs)) {
  for (const Edge& edge : edges) {
    if (edge.node) level = std::max(level, edge.node->level);
  }
  ++level;
}

std::shared_ptr<Node> own(std::unique_ptr<Node> node) {
  return std::shared_ptr<Node>(node.release(), destroy);
}

Tensor attach(Tensor y, std::shared_ptr<Node> node) {
  node->shape = y.shape();
  node->dtype = y.dtype();
  if (Observer* const observer = Observer::current()) observer->op(node->name);
  y.handle()->node = std::move(node);
  return y;
}

Tensor alias(const Tensor& x) {
  if (!x.requires_grad()) return x;
  return record("alias", x.detach(), wrt(x, [](const Tensor& dy) { return dy; }));
}

Tensor reattach(const Tensor& y, const std::shared_ptr<Node>& node) {
  if (!recording) return y;
  Tensor again = y.detach();
  again.handle()->node = node;
  return again;
}

}  // namespace tape
}  // namespace lockstep
