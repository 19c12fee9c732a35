#pragma once

#include <string>

#include "train/config/config.h"

namespace lockstep::train {

// Sets one key as typed on the command line or in a task's recipe: 0.01, xavier_uniform, or draw,coupling for
// a list. Throws for a key that there is not, a number outside of its range, or a word that the key doesn't
// have.
void set_from_text(StudyConfig& study, const std::string& key, const std::string& text);
void set_from_text(RunConfig& run, const std::string& key, const std::string& text);
// Also the keys of its run.
void set_from_text(ExperimentConfig& experiment, const std::string& key, const std::string& text);

}  // namespace lockstep::train
