#pragma once

#include <memory>

#include "data/task.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/config.h"
#include "train/model.h"

namespace lockstep::train {

// Loss (mean cross entropy, nats) and the share of targets that come out right, over the validation batches.
struct Evaluation {
  double loss = 0;
  double accuracy = 0;
};

// One model being trained: weights, optimizer, data, and how many steps are done. What step n does depends on
// the configuration and on n alone, so a run that is stopped, saved and resumed ends with the same bits.
class Training {
 public:
  // With `redraw`, q, k and v start from other random numbers of the same distribution.
  explicit Training(const RunConfig& config, bool redraw = false);

  // One step. Returns the loss before the update; after a NaN or infinite one the weights stay as they were.
  double step();
  std::int64_t steps_done() const { return steps_done_; }
  Evaluation evaluate();

  const RunConfig& config() const { return config_; }
  const Model& model() const { return *model_; }
  data::Task& task() { return *task_; }

  // Weights, optimizer state and step count, to a file in one step and back. A checkpoint of the other
  // storage is converted by logical parts.
  void save(const std::string& path) const;
  void load(const std::string& path);

 private:
  Tensor inputs_of(const data::Batch& batch) const;
  void clip() const;

  RunConfig config_;
  std::unique_ptr<data::Task> task_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<optim::Scheduler> scheduler_;
  std::int64_t steps_done_ = 0;
};

// The configuration that a checkpoint was trained with.
RunConfig checkpoint_config(const std::string& path);

}  // namespace lockstep::train
