#include "train/probes/loss_gradient.h"

#include <cmath>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/losses.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"
#include "nn/mode.h"

namespace lockstep::train {

namespace {

// A start that no symmetry of a model makes orthogonal to the eigenvector: quadratic phases.
Tensor irregular(const Tensor& like) {
  std::vector<double> values(static_cast<std::size_t>(like.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.0 + 0.7 * double(i) * double(i));
  return to(to(from_values(like.shape(), values), like.dtype()), like.device());
}

std::vector<Tensor> scaled(std::vector<Tensor> v, const std::vector<Tensor>& scales) {
  for (std::size_t i = 0; i < scales.size(); ++i) v[i] = v[i] * scales[i];
  return v;
}

}  // namespace

LossGradient::LossGradient(std::vector<Tensor> weights, const std::function<Tensor()>& loss)
    : weights_(std::move(weights)) {
  const EnableGrad recorded;
  gradient_ = grad(loss(), weights_, {}, {.create_graph = true});
}

LossGradient::LossGradient(const Training& training, std::int64_t step, std::int64_t rows,
                           std::int64_t part) {
  for (const Parameter& parameter : training.model().parameters()) {
    if (parameter.trainable) weights_.push_back(parameter.tensor);
  }
  const RunConfig& config = training.config();
  data::Batch batch =
      data::make_task(config.task, static_cast<std::uint64_t>(config.seed))->training(step, config.batch);
  if (rows > 0) {
    for (Tensor* tensor : {&batch.inputs, &batch.targets})
      *tensor = contiguous(slice(*tensor, 0, part * rows, (part + 1) * rows));
  }
  const nn::EvaluationMode mode;
  const EnableGrad recorded;
  const auto [logits, targets] = training.answers(batch);
  const Tensor loss = cross_entropy(logits, targets, {.ignore_index = data::ignored});
  gradient_ = grad(loss, weights_, {}, {.create_graph = true});
}

std::vector<Tensor> LossGradient::hessian_times(const std::vector<Tensor>& v) const {
  const EnableGrad recorded;
  Tensor along;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const Tensor part = sum(gradient_[i] * v[i].detach());
    along = along.defined() ? along + part : part;
  }
  std::vector<Tensor> product = grad(along, weights_, {}, {.retain_graph = true});
  for (Tensor& part : product) part = part.detach();
  return product;
}

double largest_eigenvalue(const LossGradient& at, const std::vector<Tensor>& scales, int iterations) {
  const NoGrad no_grad;
  std::vector<Tensor> v;
  for (const Tensor& weight : at.weights()) v.push_back(irregular(weight));
  double eigenvalue = 0;
  for (int i = 0; i < iterations; ++i) {
    const double length = std::sqrt(dot(v, v));
    for (Tensor& part : v) part = part / length;
    std::vector<Tensor> bent = scaled(at.hessian_times(scaled(v, scales)), scales);
    eigenvalue = dot(v, bent);
    v = std::move(bent);
  }
  return eigenvalue;
}

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  const NoGrad no_grad;
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(a[i].detach() * b[i].detach()).item();
  return total;
}

}  // namespace lockstep::train
