#include "train/training/training.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/mode.h"
#include "optim/clip.h"
#include "train/config/optimizer.h"
#include "train/config/schedule.h"

namespace lockstep::train {

Training::Training(const RunConfig& config, bool redraw)
    : config_(config),
      task_(data::make_task(config.task, static_cast<std::uint64_t>(config.seed))),
      model_(make_model(config, task_->shape(), redraw)),
      optimizer_(make_optimizer(config, model_->parameters())),
      scheduler_(std::make_unique<optim::Scheduler>(*optimizer_, make_schedule(config))) {}

Tensor Training::inputs_of(const data::Batch& batch) const {
  if (!is_real(batch.inputs.dtype())) return batch.inputs;
  return to(batch.inputs, config_.precision == "f64" ? DType::f64 : DType::f32);
}

Training::Answers Training::answers(const data::Batch& batch) const {
  const std::int64_t from = task_->shape().first_answer;
  const Tensor& targets = batch.targets;
  return {model_->logits(inputs_of(batch), from),
          from == 0 ? targets : contiguous(slice(targets, -1, from, targets.size(-1)))};
}

void Training::clip() const {
  if (config_.clip == 0) return;
  if (config_.clip_by == "global") {
    optim::clip_grad_norm(model_->parameters(), config_.clip);
  } else {
    optim::clip_grad_norm_each(model_->parameters(), config_.clip, granularity_from(config_.clip_by));
  }
}

double Training::step(UpdateObserver* observer) {
  const nn::TrainingMode mode(static_cast<std::uint64_t>(config_.seed),
                              static_cast<std::uint64_t>(steps_done_));
  const data::Batch batch = task_->training(steps_done_, config_.batch);
  const auto [logits, targets] = answers(batch);
  const Tensor loss = cross_entropy(logits, targets, {.ignore_index = data::ignored});
  const double value = loss.item();
  if (std::isfinite(value)) {
    backward(loss);
    clip();
    scheduler_->set(steps_done_);
    if (observer) observer->before_update(*this);
    optimizer_->step();
    if (observer) observer->after_update(*this);
    optimizer_->zero_grad();
  }
  ++steps_done_;
  return value;
}

Evaluation Training::evaluate() {
  const nn::EvaluationMode mode;
  const NoGrad no_grad;
  constexpr std::int64_t size = 100;
  double loss = 0, right = 0, counted = 0;
  for (std::int64_t i = 0; i < task_->validation_batches(size); ++i) {
    const auto [answered, targets] = answers(task_->validation(i, size));
    const Tensor logits = to(answered, DType::f64);
    loss +=
        cross_entropy(logits, targets, {.reduction = Reduction::sum, .ignore_index = data::ignored}).item();
    const std::int64_t classes = logits.shape().back(), rows = targets.numel();
    const Tensor flat = contiguous(logits);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t target = targets.data<std::int64_t>()[row];
      if (target == data::ignored) continue;
      const double* first = flat.data<double>() + row * classes;
      right += std::max_element(first, first + classes) - first == target ? 1 : 0;
      ++counted;
    }
  }
  return {loss / counted, right / counted};
}

bool Training::is_finite() const {
  for (const Parameter& parameter : model_->parameters()) {
    if (!parameter.trainable) continue;
    const bool finite = dispatch_real(parameter.tensor.dtype(), [&]<typename T>(T) {
      const T* const values = parameter.tensor.data<T>();
      return std::all_of(values, values + parameter.tensor.numel(), [](T x) { return std::isfinite(x); });
    });
    if (!finite) return false;
  }
  return true;
}

}  // namespace lockstep::train
