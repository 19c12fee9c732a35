#include "train/training.h"

#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "optim/clip.h"

namespace lockstep::train {

Training::Training(const RunConfig& config, bool redraw)
    : config_(config), task_(data::make_task(config.task, static_cast<std::uint64_t>(config.seed))),
      model_(make_model(config, task_->shape(), redraw)), optimizer_(make_optimizer(config, model_->parameters())) {}

namespace {

Tensor loss_of(const Model& model, const data::Batch& batch) {
  return cross_entropy(model.logits(batch.inputs), batch.targets, {.ignore_index = data::ignored});
}

}  // namespace

double Training::step() {
  const data::Batch batch = task_->training(steps_done_, config_.batch);
  const Tensor loss = loss_of(*model_, batch);
  const double value = loss.item();
  ++steps_done_;
  if (!std::isfinite(value)) return value;
  backward(loss);
  return value;
}

}  // namespace lockstep::train
