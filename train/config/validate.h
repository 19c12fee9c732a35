#pragma once

#include <set>
#include <string>

#include "train/config/config.h"

namespace lockstep::train {

// Throws where a value makes no sense, naming the key and what would be right. `typed`: the keys that
// somebody set on the command line. A setting that the optimizer or the schedule does not have is refused
// where it was typed, and where it differs from the task's recipe.
void validate(const RunConfig& run, const std::set<std::string>& typed = {});
void validate(const StudyConfig& study, const std::set<std::string>& typed = {});

}  // namespace lockstep::train
