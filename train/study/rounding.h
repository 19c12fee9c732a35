#pragma once

#include <string>

#include "train/study/design.h"
#include "train/study/experiment_runs.h"

namespace lockstep::train {

// How far the weights of the two storages are apart, and what becomes of that in f64. Empty where it was not
// measured.
std::string rounding_note(const Design& design, const ExperimentConfig& config, const ExperimentRuns& runs);

}  // namespace lockstep::train
