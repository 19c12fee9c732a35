#include "optim/plateau.h"

#include <algorithm>

namespace lockstep::optim {

using Options = ReduceLROnPlateauOptions;

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const Options& options)
    : optimizer_(optimizer),
      options_(options),
      state_{options.mode == Options::Mode::min ? std::numeric_limits<double>::infinity()
                                                : -std::numeric_limits<double>::infinity()} {
  check(options.factor < 1, "[ReduceLROnPlateau] factor must be less than 1, got {}", options.factor);
  options.min_lr.of(0, optimizer.groups());
}

void ReduceLROnPlateau::step(double metric) {
  if (is_better(metric)) {
    state_.best = metric;
    state_.bad_steps = 0;
  } else {
    ++state_.bad_steps;
  }
  if (state_.cooldown_left > 0) {
    --state_.cooldown_left;
    state_.bad_steps = 0;
  }
  if (state_.bad_steps <= options_.patience) return;
  reduce();
  state_.cooldown_left = options_.cooldown;
  state_.bad_steps = 0;
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const double by = options_.threshold, best = state_.best;
  const bool relative = options_.threshold_mode == Options::ThresholdMode::rel;
  if (options_.mode == Options::Mode::min) return metric < (relative ? best * (1 - by) : best - by);
  return metric > (relative ? best * (by + 1) : best + by);
}

void ReduceLROnPlateau::reduce() {
  for (int group = 0; group < optimizer_.groups(); ++group) {
    const double old = optimizer_.lr(group);
    const double reduced = std::max(old * options_.factor, options_.min_lr.of(group, optimizer_.groups()));
    if (old - reduced > options_.eps) optimizer_.set_lr(group, reduced);
  }
}

}  // namespace lockstep::optim
