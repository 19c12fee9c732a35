// What values a configuration may have.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "optim/factory.h"
#include "train/config/cause.h"
#include "train/config/config.h"
#include "train/config/keys.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

using Words = std::vector<std::string>;

void expect_each_once(const char* key, const Words& values, const Words& allowed) {
  for (auto value = values.begin(); value != values.end(); ++value) {
    expect_one_of(key, *value, allowed);
    check(std::find(values.begin(), value, *value) == value, "{} names \"{}\" twice: once is enough", key,
          *value);
  }
}

void expect(bool ok, const char* key, auto value, const std::string& expected) {
  check(ok, "{} = {} is out of range: expected {}", key, value, expected);
}

void expect_between(const char* key, std::int64_t value, std::int64_t least, std::int64_t most) {
  expect(value >= least && value <= most, key, value, fmt::format("{} to {}", least, most));
}

void expect_positive(const char* key, double value, const char* what) {
  expect(value > 0 && std::isfinite(value), key, value, fmt::format("a positive {}", what));
}

void expect_not_negative(const char* key, double value, const char* what) {
  expect(value >= 0 && std::isfinite(value), key, value, fmt::format("{} of 0 or more", what));
}

void expect_fraction(const char* key, double value) {
  expect(value >= 0 && value < 1, key, value, "0 to 1, without 1");
}

// The rules by one name; "muon" brings Adam for what is no matrix of a block.
Words optimizers() {
  Words names = optim::optimizer_names();
  std::erase(names, "muon+adam");
  return names;
}

// Largest values: far beyond what a study needs, and far below what would overflow.
constexpr std::int64_t most_steps = 1'000'000'000, most_size = 1'000'000, most_layers = 1'000,
                       most_seeds = 10'000, most_threads = 4'096, last_seed = 1'000'000'000'000'000;

void validate(const ExperimentConfig& experiment) {
  validate(experiment.run);
  expect(experiment.seeds >= 1 && experiment.seeds <= most_seeds, "seeds", experiment.seeds,
         fmt::format("1 to {}; 12 for a verdict", most_seeds));
  expect(experiment.f64_seeds >= 0 && experiment.f64_seeds <= most_seeds, "f64_seeds", experiment.f64_seeds,
         fmt::format("0 (none) to {}", most_seeds));
  expect_positive("threshold", experiment.threshold, "loss");
  expect_positive("margin", experiment.margin, "percentage");
  expect(experiment.curve_steps >= 1 && experiment.curve_steps <= experiment.run.steps, "curve_steps",
         experiment.curve_steps, fmt::format("1 to steps = {}", experiment.run.steps));
  expect_positive("coupling_lr", experiment.coupling_lr, "number");
  const Words granularities = {"tensor", "head"};
  check(!experiment.causes.empty(), "causes is empty: name at least one of {}", joined(cause_keys()));
  expect_each_once("causes", experiment.causes, cause_keys());
  const bool by_granularity = std::ranges::any_of(experiment.causes, [](const std::string& cause) {
    return cause == "distribution" || cause == "coupling";
  });
  check(!by_granularity || !experiment.against.empty(),
        "against is empty: name what distribution and coupling are compared with, tensor or head or both");
  expect_each_once("against", experiment.against, granularities);
  expect_one_of("coupling_optimizer", experiment.coupling_optimizer, {"muon", "lamb", "lars", "adafactor"});
  check(experiment.run.rng == "keyed",
        "rng = \"torch\" has no place in a study: there, combined and separate weights share no draws, so no "
        "arm would hold another's weights; lockstep train takes it");
  // Every arm says these for itself: set to anything else they would be passed over in silence.
  const RunConfig untouched;
  const std::pair<const char*, std::string RunConfig::*> of_the_arms[] = {
      {"attention", &RunConfig::attention},
      {"init_direction", &RunConfig::init_direction},
      {"init_scale", &RunConfig::init_scale},
      {"optimizer_direction", &RunConfig::optimizer_direction},
      {"optimizer_scale", &RunConfig::optimizer_scale}};
  for (const auto& [key, member] : of_the_arms) {
    check(experiment.run.*member == untouched.*member,
          "{} = \"{}\" has no place in a study: its arms differ in just that; leave it out", key,
          experiment.run.*member);
  }
}

}  // namespace

void validate(const RunConfig& run) {
  defaults_for(run.task);  // throws for a task that does not exist
  expect_between("seed", run.seed, 0, last_seed);
  expect_between("steps", run.steps, 0, most_steps);
  expect_between("batch", run.batch, 1, most_size);
  expect_between("layers", run.layers, 1, most_layers);
  expect_between("width", run.width, 1, most_size);
  expect_between("heads", run.heads, 1, most_size);
  expect_between("mlp", run.mlp, 1, most_size);
  check(run.width % run.heads == 0,
        "width = {} is not divisible by heads = {}: choose a width that is a multiple of the heads",
        run.width, run.heads);
  expect(run.dropout >= 0 && run.dropout <= 1, "dropout", run.dropout, "0 to 1");
  expect_positive("lr", run.lr, "number");
  expect_positive("matrix_lr", run.matrix_lr, "number");
  expect(run.min_lr >= 0 && run.min_lr <= run.lr, "min_lr", run.min_lr, fmt::format("0 to lr = {}", run.lr));
  expect_fraction("beta1", run.beta1);
  expect_fraction("beta2", run.beta2);
  expect_fraction("momentum", run.momentum);
  expect_not_negative("eps", run.eps, "a number");
  expect_not_negative("weight_decay", run.weight_decay, "a number");
  expect_not_negative("clip", run.clip, "a norm (0: no clipping)");
  expect(run.warmup >= 0 && run.warmup <= run.steps, "warmup", run.warmup,
         fmt::format("0 to steps = {}", run.steps));
  const Words granularities = {"tensor", "part", "head"};
  expect_one_of("precision", run.precision, {"f32", "f64"});
  expect_one_of("rng", run.rng, {"keyed", "torch"});
  expect_one_of("attention", run.attention, {"combined", "separate"});
  expect_one_of(
      "schedule", run.schedule,
      {"constant", "cosine", "linear", "step", "exponential", "polynomial", "cosine_restarts", "onecycle"});
  expect(run.schedule_period > 0, "schedule_period", run.schedule_period, "at least 1");
  expect_positive("schedule_gamma", run.schedule_gamma, "factor");
  expect_not_negative("schedule_power", run.schedule_power, "a number");
  expect_one_of("clip_by", run.clip_by, {"global", "tensor", "part", "head"});
  expect_one_of("init", run.init,
                {"kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "orthogonal",
                 "normal", "trunc_normal"});
  expect_one_of("optimizer", run.optimizer, optimizers());
  expect_one_of("init_direction", run.init_direction, granularities);
  expect_one_of("init_scale", run.init_scale, granularities);
  expect_one_of("optimizer_direction", run.optimizer_direction, granularities);
  expect_one_of("optimizer_scale", run.optimizer_scale, granularities);
}

void validate(const StudyConfig& study) {
  expect(study.threads >= 0 && study.threads <= most_threads, "threads", study.threads,
         fmt::format("0 (one for each core) to {}", most_threads));
  // The name names the output folder.
  const bool plain = study.name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_-.") == std::string::npos;
  check(plain && !study.name.empty() && study.name.front() != '.',
        "name = \"{}\" names the output folder: expected letters, digits, -, _ and ., with no . in front",
        study.name);
  const auto& experiments = study.experiments;
  check(!experiments.empty(), "a study needs at least one [[experiment]]");
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    try {
      validate(experiments[i]);
    } catch (const Error& error) {
      if (experiments.size() == 1) throw;
      fail("experiment {} ({}): {}", i + 1, experiments[i].run.task, error.what());
    }
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      check(!differences(experiments[earlier], experiments[i]).empty(),
            "experiments {} and {} are the same: leave one out, or change a key", earlier + 1, i + 1);
    }
  }
}

}  // namespace lockstep::train
