#pragma once

#include <vector>

#include "train/study/tuning.h"

namespace lockstep::train {

// A run that is still to be done.
struct Job {
  RunKey key;
  MissingRun run;
  const ExperimentConfig* experiment;

  // In f64.
  bool takes_longest() const { return info(run.arm.role).for_probes_alone; }
};

// What is left of a study.
struct Plan {
  std::vector<Job> jobs;   // that can begin, those first that should
  std::int64_t later = 0;  // about how many wait for what comes of these
};
Plan plan_of(const StudyConfig& study, const std::vector<Design>& designs, const RunResults& done);

// The tests of a study in the primary metric, those at rates that are not chosen yet included.
std::size_t tests_of(const StudyConfig& study, const std::vector<Design>& designs);

// The designs with what the learning rates are tuned to, see with_rates().
std::vector<Design> with_tuned_rates(const StudyConfig& study, const std::vector<Design>& designs,
                                     const RunResults& done);

}  // namespace lockstep::train
