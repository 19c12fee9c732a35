#pragma once

#include <string>

#include "train/config/key.h"

namespace lockstep::train {

// What a key is where it is not set, for help: "default 0.9"; of one that goes by the task, its value for
// the first of them, "default by task, copy 300"; "default none" where it is empty.
std::string default_of(const Key<RunConfig>& key);
// The same of a study on that task.
std::string default_of(const Key<ExperimentConfig>& key);

}  // namespace lockstep::train
