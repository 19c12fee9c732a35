#include "train/config/config.h"

#include "data/tasks/task.h"
#include "train/config/keys.h"

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
  if (task == "induction") {  // copy's model: 100% on all periods
    run.steps = 2500;
    return run;
  }
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
    std::vector<std::string> names;
    for (const data::TaskInfo& info : data::tasks()) names.push_back(info.name);
    expect_one_of("task", task, names);
  }
  return run;
}

ExperimentConfig experiment_for(const std::string& task) {
  ExperimentConfig experiment{.run = defaults_for(task)};
  experiment.run.init = "xavier_uniform";  // so that distribution can show
  if (task == "copy") {
    experiment.threshold = 0.5;
    experiment.curve_steps = 60;
  } else if (task == "induction") {
    experiment.threshold = 0.5;
    experiment.curve_steps = 1000;
  } else if (task == "digits") {
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

}  // namespace lockstep::train
