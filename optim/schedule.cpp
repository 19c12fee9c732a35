#include "optim/schedule.h"

#include <cmath>
#include <numbers>

namespace lockstep::optim {

namespace {

// Warm-up, then lr (floor + (1 - floor) shape(progress)), shape falling from 1 to 0.
Schedule warmup_then(const WarmupOptions& o, double (*shape)(double progress)) {
  check(o.warmup >= 0 && o.steps > o.warmup, "[schedule] steps must be more than warmup >= 0, got {} and {}",
        o.steps, o.warmup);
  check(o.final_fraction >= 0 && o.final_fraction <= 1, "[schedule] final_fraction must be in [0, 1], got {}",
        o.final_fraction);
  return [o, shape](double lr, std::int64_t step) {
    if (step < o.warmup) return warmup_constant(o.warmup)(lr, step);
    if (step >= o.steps) return lr * o.final_fraction;
    const double progress = static_cast<double>(step - o.warmup) / static_cast<double>(o.steps - o.warmup);
    return lr * (o.final_fraction + (1 - o.final_fraction) * shape(progress));
  };
}

}  // namespace

Schedule constant() {
  return [](double lr, std::int64_t) { return lr; };
}

Schedule after_warmup(std::int64_t warmup, Schedule schedule) {
  return [warmup, schedule = std::move(schedule)](double lr, std::int64_t step) {
    if (step >= warmup) return schedule(lr, step - warmup);
    return lr * static_cast<double>(step + 1) / static_cast<double>(warmup + 1);
  };
}

Schedule warmup_constant(std::int64_t warmup) { return after_warmup(warmup, constant()); }

Schedule warmup_cosine(const WarmupOptions& options) {
  return warmup_then(options,
                     [](double progress) { return 0.5 * (1 + std::cos(std::numbers::pi * progress)); });
}

Schedule warmup_linear(const WarmupOptions& options) {
  return warmup_then(options, [](double progress) { return 1 - progress; });
}

Scheduler::Scheduler(Optimizer& optimizer, Schedule schedule)
    : optimizer_(optimizer), schedule_(std::move(schedule)) {
  for (int group = 0; group < optimizer.groups(); ++group) base_.push_back(optimizer.lr(group));
}

void Scheduler::set(std::int64_t step) {
  for (int group = 0; group < optimizer_.groups(); ++group) {
    optimizer_.set_lr(group, schedule_(base_[static_cast<std::size_t>(group)], step));
  }
}

}  // namespace lockstep::optim
