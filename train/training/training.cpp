#include "train/training/training.h"

#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/runtime/tf32.h"
#include "nn/mode.h"
#include "optim/clip.h"
#include "train/config/optimizer.h"
#include "train/config/schedule.h"

namespace lockstep::train {

Training::Training(const RunConfig& config, Device device, bool redraw)
    : config_(config),
      device_(device),
      task_(data::make_task(config.task, static_cast<std::uint64_t>(config.seed))),
      model_(make_model(config, task_->shape(), device, redraw)),
      optimizer_(make_optimizer(config, model_->parameters())),
      scheduler_(std::make_unique<optim::Scheduler>(*optimizer_, make_schedule(config))),
      part_rates_(config, model_->parameters()),
      gradients_(device),
      update_(device) {}

Tensor Training::inputs_of(const data::Batch& batch) const {
  const Tensor inputs = moved(batch.inputs, device_);
  return is_real(inputs.dtype()) ? to(inputs, config_.precision == "f64" ? DType::f64 : DType::f32) : inputs;
}

Training::Answers Training::answers(const Tensor& inputs, const Tensor& targets) const {
  const std::int64_t from = task_->shape().first_answer;
  return {model_->logits(inputs, from),
          from == 0 ? targets : contiguous(slice(targets, -1, from, targets.size(-1)))};
}

Training::Answers Training::answers(const data::Batch& batch) const {
  return answers(inputs_of(batch), moved(batch.targets, device_));
}

void Training::clip() const {
  if (config_.clip == 0) return;
  if (config_.clip_by == "global") {
    optim::clip_grad_norm(model_->parameters(), config_.clip);
  } else {
    optim::clip_grad_norm_each(model_->parameters(), config_.clip, granularity_from(config_.clip_by));
  }
}

Tensor Training::loss_of(const Answers& answers) const {
  return cross_entropy(answers.logits, answers.targets, {.ignore_index = data::ignored});
}

// Gradients and update are recorded apart: an observer finds the one done and the other not yet, and the GPU
// works on the gradients while the host prepares the update. The loss is known before both, so that the host
// asks for the next step while the GPU is still at this one.
double Training::replay_step(const data::Batch& batch, UpdateObserver* observer) {
  gradients_.run([&] {
    const Tensor inputs = inputs_of(batch), targets = moved(batch.targets, device_);
    gradients_.constant(0, [&] {
      optimizer_->zero_grad();
      loss_ = {};
      const Tensor loss = loss_of(answers(inputs, targets));
      gradients_.report(loss);
      backward(loss);
      clip();
      loss_ = loss.detach();
    });
  });
  const bool look = observer && observer->looks_at(*this);
  if (look) {
    if (const double value = gradients_.reported(); !std::isfinite(value)) return value;
    observer->before_update(*this);
  }
  update_.run([&] { update(loss_); });  // which looks at the loss by itself
  if (look) observer->after_update(*this);
  return gradients_.reported();
}

void Training::update(const Tensor& only_if_finite) {
  scheduler_->set(steps_done_);
  part_rates_.before_update();
  optimizer_->step(only_if_finite);
  part_rates_.after_update();
}

double Training::step(UpdateObserver* observer) {
  check(config_.precision != "tf32" || device_ != Device::cpu,
        "[train] precision tf32 rounds the products of a GPU, and this training is on the CPU: expected f32, "
        "f64, or --device cuda");
  const AllowTf32 tf32(config_.precision == "tf32");
  const nn::TrainingMode mode(static_cast<std::uint64_t>(config_.seed),
                              static_cast<std::uint64_t>(steps_done_));
  const data::Batch batch = task_->training(steps_done_, config_.batch);
  double value;
  if (device_ != Device::cpu) {
    value = replay_step(batch, observer);
  } else {
    const Tensor loss = loss_of(answers(batch));
    value = loss.item();
    if (std::isfinite(value)) {
      backward(loss);
      clip();
      const bool look = observer && observer->looks_at(*this);
      if (look) observer->before_update(*this);
      update();
      if (look) observer->after_update(*this);
      optimizer_->zero_grad();
    }
  }
  ++steps_done_;
  return value;
}

Evaluation Training::evaluate() {
  const AllowTf32 tf32(config_.precision == "tf32");
  const nn::EvaluationMode mode;
  const NoGrad no_grad;
  constexpr std::int64_t size = 100;
  double loss = 0, right = 0, counted = 0;
  for (std::int64_t i = 0; i < task_->validation_batches(size); ++i) {
    const auto [answered, targets] = answers(task_->validation(i, size));
    const Tensor logits = to(answered, DType::f64);
    loss +=
        cross_entropy(logits, targets, {.reduction = Reduction::sum, .ignore_index = data::ignored}).item();
    right += sum(argmax(logits, -1) == targets).item();  // no class is `ignored`
    counted += sum(targets != static_cast<double>(data::ignored)).item();
  }
  return {loss / counted, right / counted};
}

bool Training::is_finite() const {
  for (const Parameter& parameter : model_->parameters()) {
    if (!parameter.trainable) continue;
    if (all(isfinite(parameter.tensor.detach())).item() == 0) return false;
  }
  return true;
}

}  // namespace lockstep::train
