#include "train/probes/loss_gradient.h"

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/losses.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"
#include "nn/mode.h"

namespace lockstep::train {

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

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  const NoGrad no_grad;
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(a[i].detach() * b[i].detach()).item();
  return total;
}

}  // namespace lockstep::train
