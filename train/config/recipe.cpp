#include "train/config/recipe.h"

#include "data/tasks/task.h"
#include "train/config/key.h"
#include "train/config/typed.h"

namespace lockstep::train {

namespace {

const data::TaskInfo& task_of(const RunConfig& run) {
  for (const Key<RunConfig>& key : run_keys()) {
    if (key.name == "task") check_value(key, run);
  }
  return data::task_info(run.task);
}

}  // namespace

RunConfig defaults_for(const std::string& task) {
  RunConfig run{.task = task};
  for (const auto& [key, value] : task_of(run).recipe) set_from_text(run, key, value);
  return run;
}

ExperimentConfig experiment_for(const std::string& task) {
  ExperimentConfig experiment{.run = defaults_for(task)};
  experiment.run.init = "xavier_uniform";  // so that distribution can show
  for (const auto& [key, value] : task_of(experiment.run).study) set_from_text(experiment, key, value);
  return experiment;
}

}  // namespace lockstep::train
