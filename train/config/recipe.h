#pragma once

#include <string>

#include "train/config/config.h"

namespace lockstep::train {

// The settings a task is trained and studied with by default: its recipe, data/tasks/NAME_task.h. Throws for
// a task that does not exist.
RunConfig defaults_for(const std::string& task);
ExperimentConfig experiment_for(const std::string& task);

}  // namespace lockstep::train
