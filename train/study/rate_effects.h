#pragma once

#include <vector>

#include "train/report/summary.h"
#include "train/study/contrasts.h"

namespace lockstep::train {

// The effect of a contrast at tuned learning rates at each rate that both arms finished at.
std::vector<RateEffect> rate_effects(const PlannedContrast& contrast, const Metric& metric,
                                     const ExperimentView& experiment);

// For each judged seed, how the difference, in percent of arm a's mean at that rate, changes with each
// doubling of the learning rate: the slope of its least-squares line over log2 of the rates. In percent,
// because a number of steps shrinks with the rate even where the arms keep their ratio. Empty with less than
// two judged rates, or where a run has not finished.
std::vector<double> slopes_over_rates(const PlannedContrast& contrast, const Metric& metric,
                                      const ExperimentView& experiment);

}  // namespace lockstep::train
