#include "train/training/training.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/mode.h"
#include "optim/clip.h"
#include "optim/factory.h"
#include "optim/torch_schedules.h"

namespace lockstep::train {

namespace {

// The settings of one rule, of what the configuration says.
optim::Settings settings_of(const RunConfig& config, const std::string& rule) {
  const std::vector<double> betas = {config.beta1, config.beta2};
  optim::Settings settings = {{"lr", config.lr}};
  const optim::Settings known = optim::default_settings(rule);
  const optim::Settings wanted = {
      {"betas", betas},
      {"alpha", config.beta2},
      {"rho", config.beta2},
      {"eps", config.eps},
      {"weight_decay", config.weight_decay},
      {"momentum", config.momentum},
      {"always_adapt", true},  // LAMB, LARS: a trust ratio without weight decay, too
      {"direction_by", config.optimizer_direction},
      {"scale_by", config.optimizer_scale},
      {"vectors_by", std::string("part")}};
  for (const auto& [name, value] : wanted) {
    // Adafactor's eps are two others.
    const auto own = known.find(name);
    if (own != known.end() && own->second.index() == value.index()) settings[name] = value;
  }
  return settings;
}

std::unique_ptr<optim::Optimizer> make_optimizer(const RunConfig& config, const ParameterList& parameters) {
  if (config.optimizer != "muon") {
    return optim::make_optimizer(config.optimizer, parameters, settings_of(config, config.optimizer));
  }
  optim::Settings settings = settings_of(config, "muon");
  settings["lr"] = config.matrix_lr;
  for (const auto& [name, value] : settings_of(config, "adam")) settings["adam." + name] = value;
  return optim::make_optimizer("muon+adam", parameters, settings);
}

// PyTorch's schedule of a rate of 1: a factor for every group's own rate.
optim::Schedule factor_from(const optim::TorchSchedule& schedule) {
  return [factor = optim::schedule_from(schedule)](double lr, std::int64_t step) {
    return lr * factor(1, step);
  };
}

// The rate is highest after the warm-up, or after PyTorch's 30% of the steps.
optim::Schedule make_one_cycle(const RunConfig& config) {
  optim::OneCycleLR cycle{.max_lr = 1, .total_steps = config.steps};
  if (config.warmup > 0) {
    cycle.pct_start = static_cast<double>(config.warmup + 1) / static_cast<double>(config.steps);
  }
  if (config.min_lr > 0) cycle.final_div_factor = config.lr / cycle.div_factor / config.min_lr;
  return factor_from(cycle);
}

optim::Schedule make_schedule(const RunConfig& config) {
  if (config.steps == 0) return optim::warmup_constant(0);  // an initialisation, to look at
  if (config.schedule == "onecycle") return make_one_cycle(config);
  const auto after_warmup = [&](const optim::TorchSchedule& schedule) {
    return optim::after_warmup(config.warmup, factor_from(schedule));
  };
  const std::int64_t period = config.schedule_period;
  const double gamma = config.schedule_gamma;
  if (config.schedule == "step") return after_warmup(optim::StepLR{period, gamma});
  if (config.schedule == "exponential") {
    return after_warmup(optim::ExponentialLR{std::pow(gamma, 1 / static_cast<double>(period))});
  }
  if (config.schedule == "polynomial") {
    return after_warmup(
        optim::PolynomialLR{static_cast<double>(config.steps - config.warmup), config.schedule_power});
  }
  if (config.schedule == "cosine_restarts") {
    return after_warmup(
        optim::CosineAnnealingWarmRestarts{.T_0 = period, .eta_min = config.min_lr / config.lr});
  }
  const optim::WarmupOptions options{
      .warmup = config.warmup, .steps = config.steps, .final_fraction = config.min_lr / config.lr};
  if (config.schedule == "cosine") return optim::warmup_cosine(options);
  if (config.schedule == "linear") return optim::warmup_linear(options);
  return optim::warmup_constant(config.warmup);
}

}  // namespace

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

double Training::step() {
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
    optimizer_->step();
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
