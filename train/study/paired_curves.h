#pragma once

#include <vector>

#include "train/report/summary.h"
#include "train/study/contrasts.h"

namespace lockstep::train {

// The loss and what the probes measured of both arms of a contrast, paired by seed, over the steps that all
// runs of both took, each with its simultaneous 95% band (statistics/band.h). In the order in which the bands
// leave zero; what never does last. Left out: what is not finite, as after a divergence, and probes that
// compare two runs themselves.
std::vector<PairedCurve> paired_curves(const PlannedContrast& contrast, const ExperimentView& experiment);

}  // namespace lockstep::train
