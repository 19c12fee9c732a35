#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "train/statistics/pairing.h"
#include "train/study/metric.h"
#include "train/study/run.h"

namespace lockstep::train {

// With which seeds a run was made, see tuning_seeds().
enum class Seeds { judged, tuning };

// The runs of one experiment with such seeds, by their arms. The results must outlive it.
class ExperimentRuns {
 public:
  ExperimentRuns(std::size_t experiment, const ExperimentConfig& config, const RunResults& results,
                 Seeds seeds = Seeds::judged);

  bool empty() const { return by_arm_.empty(); }
  // By seed; none for an arm that was not run.
  const std::map<std::int64_t, const RunResult*>& of(const std::string& arm) const;
  // One for each seed.
  std::vector<Outcome> outcomes(const std::string& arm, const Metric& metric) const;
  // Over the seeds that both arms have run with, of the first `seeds`.
  PairedSample pairs(const std::string& a, const std::string& b, const Metric& metric,
                     std::int64_t seeds = most_seeds) const;
  // What the probe gave under a name: the mean over the steps for each seed that has it.
  std::vector<double> measured(const std::string& arm, const std::string& probe,
                               const std::string& name) const;

 private:
  const ExperimentConfig& config_;
  std::int64_t first_;  // seed
  std::map<std::string, std::map<std::int64_t, const RunResult*>> by_arm_;
};

}  // namespace lockstep::train
