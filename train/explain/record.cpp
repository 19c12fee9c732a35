#include "train/explain/record.h"

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/ops/losses.h"
#include "nn/mode.h"
#include "nn/trace.h"

namespace lockstep::train {

namespace {

struct SumAndNorm {
  double sum = 0, norm = 0;
};

SumAndNorm measured(const Tensor& x) {
  double sum = 0, squares = 0;
  for (const double value : x.to_vector()) {
    if (value == -std::numeric_limits<double>::infinity()) continue;  // hidden by a mask
    sum += value;
    squares += value * value;
  }
  return {sum, std::sqrt(squares)};
}

Recorded recorded(const std::string& name, const Tensor& x, const Tensor& gradient) {
  const SumAndNorm value = measured(x), slope = measured(gradient);
  return {name, value.sum, value.norm, slope.sum, slope.norm};
}

}  // namespace

Record record(const Training& training, const data::Batch& batch) {
  const nn::EvaluationMode mode;
  const nn::Trace trace;
  const Tensor logits = training.model().logits(training.inputs_of(batch));
  const Tensor loss = cross_entropy(logits, batch.targets, {.ignore_index = data::ignored});
  std::vector<std::string> names = trace.names();
  std::vector<Tensor> tensors;
  for (const std::string& name : trace.names()) tensors.push_back(trace[name]);
  for (const Parameter& parameter : training.model().parameters()) {
    if (!parameter.trainable) continue;
    names.push_back(parameter.name);
    tensors.push_back(parameter.tensor);
  }
  Record result{.loss = loss.item(), .tape = tape_graph(loss, trace, training.model().parameters())};
  const std::vector<Tensor> gradients = grad(loss, tensors);
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto& list = i < trace.names().size() ? result.traced : result.parameters;
    list.push_back(recorded(names[i], tensors[i], gradients[i]));
  }
  return result;
}

}  // namespace lockstep::train
