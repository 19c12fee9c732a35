#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/training/kept_weights.h"
#include "train/training/metrics.h"
#include "train/training/training.h"

namespace lockstep::train {

// A training that is looked into: its settings and metrics, a model that takes the weights of one kept step
// after another, and where those are. The model computes in f64, so that another program can be compared with
// it without the noise of rounding.
class ExplainedRun {
 public:
  // A folder of lockstep train, or a checkpoint in it. Throws for what is neither.
  explicit ExplainedRun(const std::filesystem::path& place);

  const std::string& name() const { return name_; }
  const RunConfig& config() const { return config_; }
  const Metrics& metrics() const { return metrics_; }
  Training& training() { return training_; }
  const Training& training() const { return training_; }
  // In order; the last is the checkpoint.
  const std::vector<KeptWeights>& steps() const { return steps_; }
  // The model gets the weights of a step. Throws for a file of another model.
  void go_to(const KeptWeights& step);

  // The parameters, without buffers; the weights of q, k and v before their biases, so that both storages
  // have the same numbers in the same order.
  ParameterList parameters() const;
  std::int64_t weight_count() const;

 private:
  std::string name_;
  RunConfig config_;
  Training training_;
  Metrics metrics_;
  std::vector<KeptWeights> steps_;
};

// Throws, naming the settings that differ, unless two runs are of the same task and the same size of model.
void check_pair(const ExplainedRun& a, const ExplainedRun& b);

}  // namespace lockstep::train
