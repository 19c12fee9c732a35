// kind "schedule": the learning rate of every step.
#include "core/ops.h"
#include "optim/plateau.h"
#include "optim/sgd.h"
#include "optim/torch_schedules.h"
#include "tests/conformance/kinds.h"
#include "tests/conformance/options.h"

namespace lockstep::conformance {
namespace {

using namespace optim;
using nlohmann::json;

Field per_group(PerGroup& target) {
  return [&target](const json& value) {
    target = value.is_number() ? PerGroup(value.get<double>()) : PerGroup(value.get<std::vector<double>>());
  };
}

// One of the words, in the order of the enumeration.
template <typename Enum>
Field one_of(Enum& target, std::vector<std::string> words) {
  return [&target, words](const json& value) {
    const auto found = std::find(words.begin(), words.end(), value.get<std::string>());
    check(found != words.end(), "unknown word {}", value.dump());
    target = static_cast<Enum>(found - words.begin());
  };
}

TorchSchedule schedule_from(const std::string& name, const json& config);

std::vector<TorchSchedule> parts_from(const json& parts) {
  std::vector<TorchSchedule> all;
  for (const json& part : parts) all.push_back(schedule_from(part.at(0), part.at(1)));
  return all;
}

TorchSchedule one_cycle_from(const json& config) {
  OneCycleLR o{.max_lr = 0, .total_steps = 0};
  std::optional<std::int64_t> total_steps, epochs, steps_per_epoch;
  read_options(config, {{"max_lr", per_group(o.max_lr)},
                        {"total_steps", field(total_steps)},
                        {"epochs", field(epochs)},
                        {"steps_per_epoch", field(steps_per_epoch)},
                        {"pct_start", field(o.pct_start)},
                        {"anneal_strategy", one_of(o.anneal_strategy, {"cos", "linear"})},
                        {"cycle_momentum", field(o.cycle_momentum)},
                        {"base_momentum", per_group(o.base_momentum)},
                        {"max_momentum", per_group(o.max_momentum)},
                        {"div_factor", field(o.div_factor)},
                        {"final_div_factor", field(o.final_div_factor)},
                        {"three_phase", field(o.three_phase)}});
  o.total_steps = total_steps ? *total_steps : epochs.value() * steps_per_epoch.value();
  return o;
}

TorchSchedule cyclic_from(const json& config) {
  CyclicLR o{.base_lr = 0, .max_lr = 0};
  read_options(config,
               {{"base_lr", per_group(o.base_lr)},
                {"max_lr", per_group(o.max_lr)},
                {"step_size_up", field(o.step_size_up)},
                {"step_size_down", field(o.step_size_down)},
                {"mode", one_of(o.mode, {"triangular", "triangular2", "exp_range"})},
                {"gamma", field(o.gamma)},
                {"scale_fn", [](const json& value) { check(value.is_null(), "scale_fn is a function"); }},
                // Without a scale_fn the mode decides.
                {"scale_mode", [](const json&) {}},
                {"cycle_momentum", field(o.cycle_momentum)},
                {"base_momentum", per_group(o.base_momentum)},
                {"max_momentum", per_group(o.max_momentum)}});
  return o;
}

// last_epoch = -1, a start from the beginning, may be given and says nothing.
json without_last_epoch(json options) {
  if (options.contains("last_epoch")) {
    check(options["last_epoch"] == -1, "last_epoch must be -1, got {}", options["last_epoch"].dump());
    options.erase("last_epoch");
  }
  return options;
}

TorchSchedule schedule_from(const std::string& name, const json& options) {
  const json config = without_last_epoch(options);
  if (name == "OneCycleLR") return one_cycle_from(config);
  if (name == "CyclicLR") return cyclic_from(config);
  if (name == "Sequential") {
    return SequentialLR{parts_from(config.at("parts")),
                        config.at("milestones").get<std::vector<std::int64_t>>()};
  }
  if (name == "StepLR") {
    StepLR o{};
    read_options(config, {{"step_size", field(o.step_size)}, {"gamma", field(o.gamma)}});
    return o;
  }
  if (name == "MultiStepLR") {
    MultiStepLR o;
    read_options(config, {{"milestones", field(o.milestones)}, {"gamma", field(o.gamma)}});
    return o;
  }
  if (name == "ConstantLR") {
    ConstantLR o;
    read_options(config, {{"factor", field(o.factor)}, {"total_iters", field(o.total_iters)}});
    return o;
  }
  if (name == "LinearLR") {
    LinearLR o;
    read_options(config, {{"start_factor", field(o.start_factor)},
                          {"end_factor", field(o.end_factor)},
                          {"total_iters", field(o.total_iters)}});
    return o;
  }
  if (name == "ExponentialLR") {
    ExponentialLR o{};
    read_options(config, {{"gamma", field(o.gamma)}});
    return o;
  }
  if (name == "PolynomialLR") {
    PolynomialLR o;
    read_options(config, {{"total_iters", field(o.total_iters)}, {"power", field(o.power)}});
    return o;
  }
  if (name == "CosineAnnealingLR") {
    CosineAnnealingLR o{};
    read_options(config, {{"T_max", field(o.T_max)}, {"eta_min", field(o.eta_min)}});
    return o;
  }
  if (name == "CosineAnnealingWarmRestarts") {
    CosineAnnealingWarmRestarts o{};
    read_options(config, {{"T_0", field(o.T_0)}, {"T_mult", field(o.T_mult)}, {"eta_min", field(o.eta_min)}});
    return o;
  }
  fail("unknown schedule '{}'", name);
}

ReduceLROnPlateauOptions plateau_from(const json& config) {
  ReduceLROnPlateauOptions o;
  read_options(config, {{"mode", one_of(o.mode, {"min", "max"})},
                        {"factor", field(o.factor)},
                        {"patience", field(o.patience)},
                        {"threshold", field(o.threshold)},
                        {"threshold_mode", one_of(o.threshold_mode, {"rel", "abs"})},
                        {"cooldown", field(o.cooldown)},
                        {"min_lr", per_group(o.min_lr)},
                        {"eps", field(o.eps)}});
  return o;
}

void run_schedule(Case& test) {
  const json& config = test.config();
  const std::string name = config.at("schedule");
  const json& options = config.at("options");
  SGD sgd({{"x", zeros({1}, {DType::f64}), {}}}, {.lr = config.at("lr")});
  const auto steps = static_cast<std::size_t>(test.read("outputs/lr").numel());
  std::vector<double> rates;
  if (name == "ReduceLROnPlateau") {
    const std::vector<double> metric = test.read("inputs/metric").to_vector();
    ReduceLROnPlateau plateau(sgd, plateau_from(options));
    for (std::size_t step = 0; step < steps; ++step) {
      rates.push_back(sgd.lr());
      plateau.step(metric.at(step));
    }
  } else {
    TorchScheduler scheduler(sgd, schedule_from(name, options));
    for (std::size_t step = 0; step < steps; ++step) {
      if (step > 0) scheduler.step();
      rates.push_back(sgd.lr());
    }
  }
  test.expect("outputs/lr", from_values({static_cast<std::int64_t>(rates.size())}, rates));
}

}  // namespace

void add_schedule(Kinds& kinds) { kinds["schedule"] = run_schedule; }

}  // namespace lockstep::conformance
