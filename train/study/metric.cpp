#include "train/study/metric.h"

#include <algorithm>

#include "core/error.h"
#include "train/text/nearest.h"

// The metrics, in the order in which they are shown.
#include "train/study/metric_crossing.h"
#include "train/study/metric_mean_loss.h"

namespace lockstep::train {

std::span<const Metric> metrics() { return Registry<Metric>::all(); }

const Metric& primary_metric(const ExperimentConfig& experiment) {
  std::vector<std::string> keys;
  for (const Metric& metric : metrics()) {
    if (metric.key == experiment.primary) return metric;
    keys.push_back(metric.key);
  }
  expect_one_of("primary", experiment.primary, keys);
  fail("[primary_metric] {} is no metric", experiment.primary);
}

std::vector<const Metric*> metrics_of(const ExperimentConfig& experiment) {
  std::vector<const Metric*> all;
  for (const Metric& metric : metrics()) all.push_back(&metric);
  std::ranges::stable_partition(all, [&](const Metric* m) { return m == &primary_metric(experiment); });
  return all;
}

}  // namespace lockstep::train
