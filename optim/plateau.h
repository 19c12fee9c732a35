#pragma once

#include <limits>

#include "optim/torch_schedules.h"

namespace lockstep::optim {

// PyTorch's options, by its names; steps are calls of step().
struct ReduceLROnPlateauOptions {
  enum class Mode { min, max };           // which way is better
  enum class ThresholdMode { rel, abs };  // better by a share of the best, or by an amount
  Mode mode = Mode::min;
  double factor = 0.1;
  std::int64_t patience = 10;  // bad steps that are put up with
  double threshold = 1e-4;
  ThresholdMode threshold_mode = ThresholdMode::rel;
  std::int64_t cooldown = 0;  // steps after a reduction in which none counts as bad
  PerGroup min_lr = 0;
  double eps = 1e-8;  // a smaller reduction is not made
};

// torch.optim.lr_scheduler.ReduceLROnPlateau: the rate times factor when the metric has not become better for
// more than `patience` steps. Throws for a factor of 1 or more, and for min_lr that are neither one nor one
// for each group.
//
//   ReduceLROnPlateau plateau(adam, {.factor = 0.5});
//   for (epoch...) { ...; plateau.step(validation_loss); }
class ReduceLROnPlateau {
 public:
  // What a training that is to be resumed has to save.
  struct State {
    double best;
    std::int64_t bad_steps = 0, cooldown_left = 0;
  };

  ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options);
  void step(double metric);
  const State& state() const { return state_; }
  void load_state(const State& state) { state_ = state; }

 private:
  bool is_better(double metric) const;
  void reduce();

  Optimizer& optimizer_;
  ReduceLROnPlateauOptions options_;
  State state_;
};

}  // namespace lockstep::optim
