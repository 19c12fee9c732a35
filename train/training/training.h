#pragma once

#include <memory>

#include "core/runtime/replay.h"
#include "data/tasks/task.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/config/config.h"
#include "train/training/metrics.h"
#include "train/training/model.h"
#include "train/training/part_factors.h"

namespace lockstep::train {

class Training;

// Looks at a training around an update; steps_done() is how many were done before it.
class UpdateObserver {
 public:
  virtual ~UpdateObserver() = default;
  // Whether it looks at the next update; if not, it is not called.
  virtual bool looks_at(const Training&) const = 0;
  // The gradients are there, clipped, and the weights as the loss saw them.
  virtual void before_update(const Training&) {}
  virtual void after_update(const Training&) {}
};

// One model being trained: weights, optimizer, data, and how many steps are done. What step n does depends on
// the configuration and on n alone, so a run that is stopped, saved and resumed ends with the same bits.
class Training {
 public:
  // With `redraw`, q, k and v start from other random numbers of the same distribution. First weights and
  // batches are the same on all devices, bit for bit; sums are rounded in another order. Throws where there
  // is no such device, and for settings that do not go with the task.
  explicit Training(const RunConfig& config, Device device = Device::cpu, bool redraw = false);

  // One step. Returns the loss before the update; after a NaN or infinite one the weights stay as they were.
  // Throws where the precision is tf32 and the device the CPU, which can evaluate such a model, in f32.
  double step(UpdateObserver* observer = nullptr);
  std::int64_t steps_done() const { return steps_done_; }
  Evaluation evaluate();  // over all validation batches, without dropout

  const RunConfig& config() const { return config_; }
  const Model& model() const { return *model_; }
  data::Task& task() { return *task_; }
  optim::Optimizer& optimizer() { return *optimizer_; }
  const optim::Optimizer& optimizer() const { return *optimizer_; }
  // False where a weight is NaN or infinite.
  bool is_finite() const;

  Device device() const { return device_; }
  // How a step's two parts, gradients and update, were done on a GPU.
  ReplayStats gradient_stats() const { return gradients_.stats(); }
  ReplayStats update_stats() const { return update_.stats(); }

  // What a batch's inputs go through to reach the model: on its device, images in its precision.
  Tensor inputs_of(const data::Batch& batch) const;

  // After weights and optimizer were filled from elsewhere (train/training/checkpoint.h).
  void continue_after(std::int64_t steps) { steps_done_ = steps; }

  // Logits and targets of the positions that the task asks about, on the model's device.
  struct Answers {
    Tensor logits, targets;
  };
  Answers answers(const data::Batch& batch) const;

 private:
  Answers answers(const Tensor& inputs, const Tensor& targets) const;
  Tensor loss_of(const Answers& answers) const;
  void clip() const;
  double replay_step(const data::Batch& batch, UpdateObserver* observer);
  void update(const Tensor& only_if_finite = {});

  RunConfig config_;
  Device device_;
  std::unique_ptr<data::Task> task_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<optim::Scheduler> scheduler_;
  PartRates part_rates_;
  std::int64_t steps_done_ = 0;
  Replay gradients_, update_;
  Tensor loss_;  // of the last replay
};

}  // namespace lockstep::train
