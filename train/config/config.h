#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::train {

// One training: what is trained, on what, and how. Every member is a key of study files and an option of the
// command line; train/config/keys.cpp names them, and defaults_for() fills them for a task.
struct RunConfig {
  std::string task = "copy";
  std::int64_t seed = 0;
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  std::string precision = "f32";
  std::string rng = "keyed";  // of the first weights; "torch": PyTorch's numbers in PyTorch's order

  std::string attention = "combined";
  std::int64_t layers = 0, width = 0, heads = 0, mlp = 0;
  double dropout = 0;

  // The initialiser of the q, k and v weights; everything else keeps PyTorch's default. Direction and scale
  // say which matrix the rule looks at: the stored tensor, each of q, k, v, or each head.
  std::string init = "kaiming_uniform";
  std::string init_direction = "part", init_scale = "part";

  std::string optimizer = "adam";
  double lr = 0, beta1 = 0, beta2 = 0, eps = 0, weight_decay = 0, momentum = 0;
  std::string optimizer_direction = "part", optimizer_scale = "part";
  double matrix_lr = 0;  // Muon's rate for the blocks' matrices; the rest goes by Adam with lr

  std::string schedule = "constant";
  std::int64_t warmup = 0;
  std::int64_t schedule_period = 100;
  double schedule_gamma = 0.1, schedule_power = 1;
  double min_lr = 0;
  double clip = 0;  // 0: none
  std::string clip_by = "global";
};

// The settings a task is trained with unless told otherwise: study.md's reference settings, with published
// targets. Throws for a task that does not exist.
RunConfig defaults_for(const std::string& task);

// One task of a study: the training, the seeds, and what is compared.
struct ExperimentConfig {
  RunConfig run;  // run.seed is the first seed; run.steps the limit after which a run counts as censored
  std::int64_t seeds = 12;
  double threshold = 0;          // of the training loss: the metric "steps until the loss is below it"
  std::int64_t curve_steps = 0;  // the second metric: mean loss over the first so many steps
  std::int64_t f64_seeds = 1;    // of them, the first so many repeat the rounding arms in f64; 0: none
  double margin = 5;  // equivalence: a difference of less than so many percent of the baseline's mean
  std::vector<std::string> causes = {"rounding", "draw", "distribution", "coupling"};
  std::vector<std::string> against = {"tensor"};  // granularities that are compared with "part"
  std::string coupling_optimizer = "muon";
  double coupling_lr = 0.01;
};

struct StudyConfig {
  std::string name = "default";
  std::string question;
  std::string duration;      // on two cores, as measured
  std::int64_t threads = 0;  // 0: one for each core
  std::vector<ExperimentConfig> experiments;
};

ExperimentConfig experiment_for(const std::string& task);

// Throws where a value makes no sense, naming the key and what would be right.
void validate(const RunConfig& run);
void validate(const StudyConfig& study);

}  // namespace lockstep::train
