#include "train/study/metric.h"

// The metrics, in the order in which they are shown.
#include "train/study/metric_crossing.h"
#include "train/study/metric_mean_loss.h"

namespace lockstep::train {

std::span<const Metric> metrics() { return Registry<Metric>::all(); }

}  // namespace lockstep::train
