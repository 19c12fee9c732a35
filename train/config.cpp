#include "train/config.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "core/error.h"
#include "core/parameter.h"
#include "data/task.h"

namespace lockstep::train {

RunConfig defaults_for(const std::string& task) {
  // study.md's reference settings for the copy task; the others start from them.
  RunConfig run{.task = task,
                .steps = 300,
                .batch = 64,
                .layers = 2,
                .width = 64,
                .heads = 4,
                .mlp = 256,
                .lr = 1e-3,
                .beta1 = 0.9,
                .beta2 = 0.99,
                .eps = 1e-8,
                .momentum = 0.95,
                .matrix_lr = 0.01};
  if (task == "copy") return run;
  if (task == "reverse") {  // study.md: 1 layer, 1 head, d = 32: 100%
    run.steps = 3000;
    run.layers = 1;
    run.heads = 1;
    run.width = 32;
    run.mlp = 128;
    run.schedule = "cosine";
    run.warmup = 50;
  } else if (task == "sort") {  // minGPT's demo: 100%
    run.steps = 2000;
    run.schedule = "cosine";
    run.warmup = 50;
  } else if (task == "modadd") {  // Nanda et al. 2023: full batch, strong decay
    run.steps = 15000;
    run.batch = 3830;
    run.layers = 1;
    run.width = 128;
    run.mlp = 512;
    run.optimizer = "adamw";
    run.weight_decay = 1;
    run.beta2 = 0.98;
  } else if (task == "shakespeare") {  // nanoGPT's small CPU setting: validation loss 1.88
    run.steps = 2000;
    run.batch = 12;
    run.layers = 4;
    run.width = 128;
    run.mlp = 512;
    run.optimizer = "adamw";
    run.weight_decay = 0.1;
    run.schedule = "cosine";
    run.warmup = 100;
    run.min_lr = 1e-4;
    run.clip = 1;
  } else if (task == "digits") {
    run.steps = 1500;
    run.width = 48;
    run.mlp = 96;
    run.dropout = 0.1;
    run.schedule = "cosine";
    run.warmup = 50;
  } else {
    data::make_task(task, 0);  // throws, naming the tasks there are
  }
  return run;
}

ExperimentConfig experiment_for(const std::string& task) {
  ExperimentConfig experiment{.run = defaults_for(task)};
  experiment.run.init = "xavier_uniform";  // so that distribution can show
  if (task == "copy") {
    experiment.threshold = 0.5;
    experiment.curve_steps = 60;
  } else if (task == "digits") {
    experiment.seeds = 6;
    experiment.threshold = 0.5;
    experiment.curve_steps = 40;
    experiment.run.steps = 300;  // the first steps alone, and nothing that blurs them
    experiment.run.dropout = 0;
    experiment.run.schedule = "constant";
    experiment.run.warmup = 0;
  } else if (task == "reverse") {
    experiment.threshold = 0.5;
    experiment.curve_steps = 300;
  } else if (task == "sort") {
    experiment.threshold = 0.2;
    experiment.curve_steps = 100;
  } else if (task == "modadd") {
    experiment.threshold = 0.1;
    experiment.curve_steps = 200;
  } else if (task == "shakespeare") {
    experiment.threshold = 2.2;
    experiment.curve_steps = 300;
  }
  return experiment;
}

namespace {

void expect_one_of(const char* key, const std::string& value,
                   std::initializer_list<std::string_view> allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  std::string list;
  for (const std::string_view word : allowed) list += (list.empty() ? "" : ", ") + std::string(word);
  fail("{} = \"{}\" is not known: expected one of {}", key, value, list);
}

void expect(bool ok, const char* key, auto value, const char* expected) {
  check(ok, "{} = {} is out of range: expected {}", key, value, expected);
}

}  // namespace

void validate(const RunConfig& run) {
  defaults_for(run.task);
  expect(run.seed >= 0, "seed", run.seed, "0 or more");
  expect(run.steps > 0, "steps", run.steps, "at least 1");
  expect(run.batch > 0, "batch", run.batch, "at least 1");
  expect(run.layers > 0, "layers", run.layers, "at least 1");
  expect(run.width > 0, "width", run.width, "at least 1");
  expect(run.heads > 0, "heads", run.heads, "at least 1");
  expect(run.mlp > 0, "mlp", run.mlp, "at least 1");
  check(run.width % run.heads == 0,
        "width = {} is not divisible by heads = {}: choose a width that is a multiple of the heads",
        run.width, run.heads);
  expect(run.dropout >= 0 && run.dropout <= 1, "dropout", run.dropout, "0 to 1");
  expect(run.lr > 0, "lr", run.lr, "a positive number");
  expect(run.matrix_lr > 0, "matrix_lr", run.matrix_lr, "a positive number");
  expect(run.min_lr >= 0 && run.min_lr <= run.lr, "min_lr", run.min_lr, "0 to lr");
  expect(run.beta1 >= 0 && run.beta1 < 1, "beta1", run.beta1, "0 to 1, without 1");
  expect(run.beta2 >= 0 && run.beta2 < 1, "beta2", run.beta2, "0 to 1, without 1");
  expect(run.momentum >= 0 && run.momentum < 1, "momentum", run.momentum, "0 to 1, without 1");
  expect(run.eps >= 0, "eps", run.eps, "0 or more");
  expect(run.weight_decay >= 0, "weight_decay", run.weight_decay, "0 or more");
  expect(run.clip >= 0, "clip", run.clip, "0 (none) or a positive norm");
  expect(run.warmup >= 0 && run.warmup <= run.steps, "warmup", run.warmup, "0 to steps");
  using Words = std::initializer_list<std::string_view>;
  expect_one_of("precision", run.precision, Words{"f32", "f64"});
  expect_one_of("rng", run.rng, Words{"keyed", "torch"});
  expect_one_of("attention", run.attention, Words{"combined", "separate"});
  expect_one_of("schedule", run.schedule, Words{"constant", "cosine", "linear"});
  expect_one_of("clip_by", run.clip_by, Words{"global", "tensor", "part", "head"});
  expect_one_of("init", run.init,
                Words{"kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "orthogonal",
                      "normal", "trunc_normal"});
  for (const std::string* granularity :
       {&run.init_direction, &run.init_scale, &run.optimizer_direction, &run.optimizer_scale}) {
    granularity_from(*granularity);
  }
}

void validate(const StudyConfig& study) {
  expect(study.threads >= 0, "threads", study.threads, "0 (all cores) or more");
  for (const ExperimentConfig& experiment : study.experiments) {
    validate(experiment.run);
    check(experiment.run.rng == "keyed",
          "rng = \"torch\" has no place in a study: there, combined and separate weights share no draws, so "
          "no arm "
          "would hold another's weights; lockstep train takes it");
    expect(experiment.seeds > 0, "seeds", experiment.seeds, "at least 1; 12 for a verdict");
    expect(experiment.threshold > 0, "threshold", experiment.threshold, "a positive loss");
    expect(experiment.margin > 0, "margin", experiment.margin, "a positive percentage");
    expect(experiment.curve_steps > 0 && experiment.curve_steps <= experiment.run.steps, "curve_steps",
           experiment.curve_steps, "1 to steps");
    expect(experiment.coupling_lr > 0, "coupling_lr", experiment.coupling_lr, "a positive number");
    check(!experiment.causes.empty(),
          "causes is empty: name at least one of rounding, draw, distribution, coupling");
    using Words = std::initializer_list<std::string_view>;
    for (const std::string& cause : experiment.causes) {
      expect_one_of("causes", cause, Words{"rounding", "draw", "distribution", "coupling"});
    }
    for (const std::string& granularity : experiment.against)
      expect_one_of("against", granularity, Words{"tensor", "head"});
    expect_one_of("coupling_optimizer", experiment.coupling_optimizer,
                  Words{"muon", "lamb", "lars", "adafactor"});
  }
}

}  // namespace lockstep::train
