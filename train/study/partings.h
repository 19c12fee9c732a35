#pragma once

#include <vector>

#include "train/report/summary.h"
#include "train/study/contrasts.h"

namespace lockstep::train {

// Where the arms of a contrast first differ, in the loss and in what the probes measured of both: the first
// step at which the simultaneous 95% band of the paired curves leaves zero, the earliest first. What never
// does is left out; nothing with less than 6 pairs.
std::vector<Parting> partings(const PlannedContrast& contrast, const ExperimentView& experiment);

// The mean difference of the losses over the steps that all runs of both arms took, with its simultaneous
// band. Empty where runs diverged.
BandCurve loss_apart(const PlannedContrast& contrast, const ExperimentView& experiment);

}  // namespace lockstep::train
