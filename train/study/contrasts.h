#pragma once

#include <span>
#include <vector>

#include "train/report/summary.h"
#include "train/study/design.h"
#include "train/study/experiment_runs.h"

namespace lockstep::train {

// One experiment of a study, with its runs.
struct ExperimentView {
  const ExperimentConfig& config;
  const Design& design;
  ExperimentRuns runs, tuning_runs;
};

// The contrasts of each experiment, in the primary metric first, and in every other one but for those at
// tuned learning rates and where stopping is "decided". All of them, and what becomes of them with the rate,
// are judged as one family.
std::vector<std::vector<Contrast>> judged(std::span<const ExperimentView> experiments);

// Under what an arm is trained: "adam at learning rate 0.001".
std::string scope_of(const RunConfig& run);

}  // namespace lockstep::train
