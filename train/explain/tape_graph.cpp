#include "train/explain/tape_graph.h"

#include <algorithm>
#include <map>

#include "core/autograd.h"

namespace lockstep::train {

namespace {

using tape::Node;

// All nodes that one depends on, by level: an op's inputs come before it.
std::vector<const Node*> nodes_behind(const Node* last) {
  std::map<const Node*, std::size_t> found{{last, 0}};
  std::vector<const Node*> nodes{last};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const tape::Edge& edge : nodes[i]->edges) {
      const Node* const input = edge.node.get();
      if (input != nullptr && found.emplace(input, nodes.size()).second) nodes.push_back(input);
    }
  }
  std::ranges::stable_sort(nodes, {}, [](const Node* node) { return node->level; });
  return nodes;
}

}  // namespace

std::vector<TapeOp> tape_graph(const Tensor& loss, const nn::Trace& trace, const ParameterList& parameters) {
  const std::vector<const Node*> nodes = nodes_behind(loss.handle()->node.get());
  std::map<const Node*, std::size_t> place;
  for (const Node* node : nodes) place.emplace(node, place.size());
  std::vector<TapeOp> ops;
  for (const Node* node : nodes) {
    TapeOp op{.op = node->name, .shape = node->shape};
    for (const tape::Edge& edge : node->edges) {
      if (edge.node) op.inputs.push_back(place.at(edge.node.get()));
      if (!edge.leaf.defined()) continue;
      const auto read = std::ranges::find_if(
          parameters, [&](const Parameter& parameter) { return parameter.tensor.is_same(edge.leaf); });
      if (read != parameters.end()) op.parameters.push_back(read->name);
    }
    ops.push_back(std::move(op));
  }
  for (const std::string& name : trace.names()) {
    const auto found = place.find(trace[name].handle()->node.get());
    if (found != place.end()) ops[found->second].names.push_back(name);
  }
  return ops;
}

}  // namespace lockstep::train
