#pragma once

#include <vector>

#include "train/report/summary.h"
#include "train/study/design.h"
#include "train/study/experiment_runs.h"

namespace lockstep::train {

// How far the two storages come apart over the steps, in each precision that was trained: the probe
// weight_drift of the combined arms, over the seeds.
std::vector<BandCurve> storage_drift(const Design& design, const ExperimentRuns& runs);

}  // namespace lockstep::train
