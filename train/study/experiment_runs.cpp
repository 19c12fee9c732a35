#include "train/study/experiment_runs.h"

#include <algorithm>

namespace lockstep::train {

ExperimentRuns::ExperimentRuns(std::size_t experiment, const ExperimentConfig& config,
                               const RunResults& results)
    : config_(config) {
  for (const auto& [key, run] : results) {
    if (key.experiment == experiment) by_arm_[key.arm][key.seed] = &run;
  }
}

const std::map<std::int64_t, const RunResult*>& ExperimentRuns::of(const std::string& arm) const {
  static const std::map<std::int64_t, const RunResult*> none;
  const auto found = by_arm_.find(arm);
  return found == by_arm_.end() ? none : found->second;
}

std::vector<Outcome> ExperimentRuns::outcomes(const std::string& arm, const Metric& metric) const {
  std::vector<Outcome> list;
  for (const auto& [seed, run] : of(arm)) list.push_back(metric.of(run->losses, run->diverged, config_));
  return list;
}

std::vector<double> ExperimentRuns::measured(const std::string& arm, const std::string& probe,
                                             const std::string& name) const {
  std::vector<double> means;
  for (const auto& [seed, run] : of(arm)) {
    const auto found = run->measured.find(probe);
    if (found == run->measured.end()) continue;
    const Series& series = found->second.series;
    const auto column =
        static_cast<std::size_t>(std::ranges::find(series.names, name) - series.names.begin());
    if (column == series.names.size() || series.steps.empty()) continue;
    double total = 0;
    for (std::size_t i = 0; i < series.steps.size(); ++i)
      total += series.values[i * series.names.size() + column];
    means.push_back(total / static_cast<double>(series.steps.size()));
  }
  return means;
}

}  // namespace lockstep::train
