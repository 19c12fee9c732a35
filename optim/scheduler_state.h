#pragma once

#include <memory>

#include "optim/torch_schedules.h"

// What drives one group: the schedulers of PyTorch as state machines, in its own words.
namespace lockstep::optim {

// What schedulers read and write in a parameter group.
struct ScheduledGroup {
  double lr;
  std::optional<double> momentum;  // or beta1; none where the optimizer has neither
  int index = 0, count = 1;        // which of the optimizer's groups
  // Left there by the first scheduler, or by a OneCycleLR, for all schedulers of the group.
  std::optional<double> initial_lr = {};
  double max_lr = 0, min_lr = 0, max_momentum = 0, base_momentum = 0;
};

class SchedulerState {
 public:
  virtual ~SchedulerState() = default;
  virtual void initial_step(ScheduledGroup& group) = 0;
  virtual void step(ScheduledGroup& group) = 0;
  // Begins again at t = 0, as the next part of a SequentialLR.
  virtual void restart(ScheduledGroup& group) = 0;
  // Takes the initial step back, but for the group's rate.
  virtual void undo() = 0;
};

// Includes the initial step.
std::unique_ptr<SchedulerState> make_scheduler_state(const TorchSchedule& schedule, ScheduledGroup& group);

}  // namespace lockstep::optim
