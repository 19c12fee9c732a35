#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::train {

// One training: what is trained, on what, and how. Every member is a key of study files and an option of the
// command line (train/config/run_keys.cpp). The values here are the copy task's; a task's recipe
// changes them (train/config/recipe.h).
struct RunConfig {
  std::string task = "copy";
  std::int64_t seed = 0;
  std::int64_t steps = 300;
  std::int64_t batch = 64;
  std::string precision = "f32";
  std::string rng = "keyed";  // of the first weights; "torch": PyTorch's numbers in PyTorch's order

  std::string attention = "combined";
  std::string blocks = "norm_gelu";
  std::int64_t layers = 2, width = 64, heads = 4, mlp = 256;
  double dropout = 0;

  // The initialiser of the q, k and v weights; everything else keeps PyTorch's default. Direction and scale
  // say which matrix the rule looks at: the stored tensor, each of q, k, v, or each head.
  std::string init = "kaiming_uniform";
  std::string init_direction = "part", init_scale = "part";
  double q_gain = 1, k_gain = 1, v_gain = 1;  // factors of the first weights

  std::string optimizer = "adam";
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0.95;
  std::string optimizer_direction = "part", optimizer_scale = "part";
  double q_rate = 1, k_rate = 1, v_rate = 1;  // factors of the updates
  double matrix_lr = 0.01;  // Muon's rate for the blocks' matrices; the rest goes by Adam with lr

  std::string schedule = "constant";
  std::int64_t warmup = 0;
  std::int64_t schedule_period = 100;
  double schedule_gamma = 0.1, schedule_power = 1;
  double min_lr = 0;
  double clip = 0;  // 0: none
  std::string clip_by = "global";
};

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
  std::string primary =
      "steps_to_threshold";  // the metric that verdicts go by, and learning rates are chosen by
  // At which learning rates distribution and coupling are judged beside the declared one: the best of each
  // arm ("own"), the best of both together ("shared"), or none ("off").
  std::string tune = "own";
  // "fixed": all seeds. "decided": seed after seed until every contrast has its verdict, at most all.
  std::string stopping = "fixed";
  std::vector<std::string> probes = {};  // that are made on request, beside those that always are
  // Whether each of q, k and v has a factor of its own, of its updates or first weights, in the search of the
  // arm by part: "on" or "off".
  std::string part_factors = "off";
  std::int64_t tune_seeds = 4;  // that rates are chosen on; none of the judged ones
};

inline constexpr std::int64_t most_seeds = 10'000;  // of an experiment

struct StudyConfig {
  std::string name = "default";
  std::string question;
  std::vector<std::string> disputes;  // public ones that it answers, as links
  std::string duration;               // on two cores, as measured
  std::int64_t threads = 0;           // 0: one for each core
  std::vector<ExperimentConfig> experiments;
};

}  // namespace lockstep::train
