#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "optim/optimizer.h"

namespace lockstep::optim {

// The learning rate of a step (from 0), given the group's own. It depends on nothing else, so a run that is
// resumed at step n goes on with schedule(lr, n): there is nothing to save. PyTorch's schedules are in
// optim/torch_schedules.h, those that follow a metric in optim/plateau.h.
using Schedule = std::function<double(double lr, std::int64_t step)>;

Schedule constant();

struct WarmupOptions {
  std::int64_t warmup = 0;    // steps of linear growth: lr (step + 1) / (warmup + 1)
  std::int64_t steps = 0;     // of the whole training, warm-up included; at least 1
  double final_fraction = 0;  // what remains of lr from the last step on
};

// Throw unless steps > warmup >= 0 and final_fraction is in [0, 1].
// Warm-up, then half a cosine down to final_fraction lr (Loshchilov and Hutter 2017, arXiv:1608.03983), or a
// line, or no decay.
Schedule warmup_cosine(const WarmupOptions& options);
Schedule warmup_linear(const WarmupOptions& options);
Schedule warmup_constant(std::int64_t warmup);
// Warm-up, then another schedule from its step 0 on.
Schedule after_warmup(std::int64_t warmup, Schedule schedule);

// Drives every group of an optimizer, which must outlive it, from the learning rate that it has now.
//
//   Scheduler scheduler(adam, warmup_cosine({.warmup = 100, .steps = 2000}));
//   for (step...) { scheduler.set(step); ...; adam.step(); }
class Scheduler {
 public:
  Scheduler(Optimizer& optimizer, Schedule schedule);
  void set(std::int64_t step);

 private:
  Optimizer& optimizer_;
  Schedule schedule_;
  std::vector<double> base_;
};

}  // namespace lockstep::optim
