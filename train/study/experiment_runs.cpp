#include "train/study/experiment_runs.h"

#include <algorithm>

namespace lockstep::train {

ExperimentRuns::ExperimentRuns(std::size_t experiment, const ExperimentConfig& config,
                               const RunResults& results, Seeds seeds)
    : config_(config), first_(seeds == Seeds::tuning ? tuning_seeds(config).front() : config.run.seed) {
  for (const auto& [key, run] : results) {
    if (key.experiment == experiment && is_tuning_seed(key.seed, config) == (seeds == Seeds::tuning))
      by_arm_[key.arm][key.seed] = &run;
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

PairedSample ExperimentRuns::pairs(const std::string& a, const std::string& b, const Metric& metric,
                                   std::int64_t seeds) const {
  std::vector<Outcome> first, second;
  for (const auto& [seed, run] : of(a)) {
    const auto other = of(b).find(seed);
    if (other == of(b).end() || seed >= first_ + seeds) continue;
    first.push_back(metric.of(run->losses, run->diverged, config_));
    second.push_back(metric.of(other->second->losses, other->second->diverged, config_));
  }
  return pair_by_seed(first, second);
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
