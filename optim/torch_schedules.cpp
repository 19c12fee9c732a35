#include "optim/torch_schedules.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>

#include "core/error.h"

// The schedulers of PyTorch as state machines, in its own words.
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

// A schedule that drives one group.
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

namespace {

constexpr double pi = std::numbers::pi;

// Where a schedule is: its step, the group's first rate, and whether this is the step that its constructor
// makes.
struct Clock {
  std::int64_t t = -1;
  double base = 0;
  bool initial = false;
  std::int64_t in_period = 0, period = 0;  // of CosineAnnealingWarmRestarts

  double time() const { return static_cast<double>(t); }
};

// Of every schedule that is no composition: start(), where its constructor checks or sets more than the first
// rate; next(), the rate of step t from that of step t - 1 in the group, or factor(), of the two; and
// restarted(), the rate of step 0 whatever is in the group, where that is not the group's first.
void start(const auto&, ScheduledGroup&) {}
double restarted(const auto&, Clock& clock, ScheduledGroup&) { return clock.base; }

double next(const LambdaLR& o, Clock& clock, ScheduledGroup&) { return clock.base * o.lr_lambda(clock.t); }
double restarted(const LambdaLR& o, Clock& clock, ScheduledGroup& group) { return next(o, clock, group); }

double factor(const MultiplicativeLR& o, const Clock& clock) {
  return clock.initial ? 1 : o.lr_lambda(clock.t);
}
double restarted(const MultiplicativeLR& o, Clock& clock, ScheduledGroup& group) {
  return group.lr * factor(o, clock);
}

void start(const StepLR& o, ScheduledGroup&) {
  check(o.step_size > 0, "[StepLR] step_size must be 1 or more, got {}", o.step_size);
}
double factor(const StepLR& o, const Clock& clock) {
  return clock.t == 0 || clock.t % o.step_size != 0 ? 1 : o.gamma;
}

double factor(const MultiStepLR& o, const Clock& clock) {
  return std::pow(o.gamma, static_cast<double>(std::ranges::count(o.milestones, clock.t)));
}
double restarted(const MultiStepLR& o, Clock& clock, ScheduledGroup&) {
  const auto passed =
      std::ranges::count_if(o.milestones, [](std::int64_t milestone) { return milestone <= 0; });
  return clock.base * std::pow(o.gamma, static_cast<double>(passed));
}

void start(const ConstantLR& o, ScheduledGroup&) {
  check(o.factor >= 0 && o.factor <= 1, "[ConstantLR] factor must be 0 to 1, got {}", o.factor);
}
double factor(const ConstantLR& o, const Clock& clock) {
  if (clock.t == 0) return o.factor;
  return clock.time() != o.total_iters ? 1 : 1 / o.factor;
}
double restarted(const ConstantLR& o, Clock& clock, ScheduledGroup&) {
  return clock.base * (o.total_iters <= 0 ? 1 : o.factor);
}

void start(const LinearLR& o, ScheduledGroup&) {
  check(o.start_factor > 0 && o.start_factor <= 1,
        "[LinearLR] start_factor must be more than 0 and at most 1, got {}", o.start_factor);
  check(o.end_factor >= 0 && o.end_factor <= 1, "[LinearLR] end_factor must be 0 to 1, got {}", o.end_factor);
}
double factor(const LinearLR& o, const Clock& clock) {
  if (clock.t == 0) return o.start_factor;
  if (clock.initial || clock.time() > o.total_iters) return 1;
  const double rise = o.end_factor - o.start_factor;
  return 1 + rise / (o.total_iters * o.start_factor + (clock.time() - 1) * rise);
}
double restarted(const LinearLR& o, Clock& clock, ScheduledGroup&) {
  const double rise = o.end_factor - o.start_factor;
  return clock.base * (o.start_factor + rise * std::min(o.total_iters, 0.0) / o.total_iters);
}

double factor(const ExponentialLR& o, const Clock& clock) { return clock.initial ? 1 : o.gamma; }

double factor(const PolynomialLR& o, const Clock& clock) {
  if (clock.initial || clock.time() > o.total_iters) return 1;
  const double left = 1 - clock.time() / o.total_iters, before = 1 - (clock.time() - 1) / o.total_iters;
  return std::pow(left / before, o.power);
}

void start(const CosineAnnealingLR& o, ScheduledGroup&) {
  check(o.T_max > 0, "[CosineAnnealingLR] T_max must be more than 0, got {}", o.T_max);
}
double next(const CosineAnnealingLR& o, Clock& clock, ScheduledGroup& group) {
  const double T = o.T_max, time = clock.time();
  if (clock.initial) return group.lr;
  if (std::fmod(time - 1 - T, 2 * T) == 0) {  // at the lowest point, where the ratio would be 0 / 0
    return group.lr + (clock.base - o.eta_min) * (1 - std::cos(pi / T)) / 2;
  }
  const double ratio = (1 + std::cos(pi * time / T)) / (1 + std::cos(pi * (time - 1) / T));
  return ratio * (group.lr - o.eta_min) + o.eta_min;
}

void start(const CosineAnnealingWarmRestarts& o, ScheduledGroup&) {
  check(o.T_0 > 0, "[CosineAnnealingWarmRestarts] T_0 must be 1 or more, got {}", o.T_0);
  check(o.T_mult >= 1, "[CosineAnnealingWarmRestarts] T_mult must be 1 or more, got {}", o.T_mult);
}
double restarted(const CosineAnnealingWarmRestarts& o, Clock& clock, ScheduledGroup&) {
  const double share = pi * static_cast<double>(clock.in_period) / static_cast<double>(clock.period);
  return o.eta_min + (clock.base - o.eta_min) * (1 + std::cos(share)) / 2;
}
double next(const CosineAnnealingWarmRestarts& o, Clock& clock, ScheduledGroup& group) {
  if (clock.t == 0) {
    clock.in_period = 0;
    clock.period = o.T_0;
  } else if (++clock.in_period >= clock.period) {
    clock.in_period %= clock.period;
    clock.period *= o.T_mult;
  }
  return restarted(o, clock, group);
}

// Hands the group the momenta between which a cycle moves its own.
void start_momentum(const auto& o, ScheduledGroup& group, const char* schedule) {
  if (!o.cycle_momentum) return;
  check(group.momentum.has_value(),
        "[{}] the optimizer has neither momentum nor beta1: set cycle_momentum to false", schedule);
  group.momentum = group.max_momentum = o.max_momentum.of(group.index, group.count);
  group.base_momentum = o.base_momentum.of(group.index, group.count);
}

void start(const CyclicLR& o, ScheduledGroup& group) {
  o.max_lr.of(group.index, group.count);
  group.lr = o.base_lr.of(group.index, group.count);
  start_momentum(o, group, "CyclicLR");
}
double next(const CyclicLR& o, Clock& clock, ScheduledGroup& group) {
  const double length = o.step_size_up + o.step_size_down.value_or(o.step_size_up),
               rise = o.step_size_up / length;
  const double cycle = std::floor(1 + clock.time() / length), x = 1 + clock.time() / length - cycle;
  const double height = x <= rise ? x / rise : (x - 1) / (rise - 1);
  const double size = o.mode == CyclicLR::Mode::triangular    ? 1
                      : o.mode == CyclicLR::Mode::triangular2 ? 1 / std::pow(2.0, cycle - 1)
                                                              : std::pow(o.gamma, clock.time());
  if (o.cycle_momentum) {
    const double low = o.base_momentum.of(group.index, group.count),
                 high = o.max_momentum.of(group.index, group.count);
    group.momentum = high - (high - low) * height * size;
  }
  const double low = clock.initial ? clock.base : o.base_lr.of(group.index, group.count);
  return low + (o.max_lr.of(group.index, group.count) - low) * height * size;
}
double restarted(const CyclicLR& o, Clock& clock, ScheduledGroup& group) { return next(o, clock, group); }

void start(const OneCycleLR& o, ScheduledGroup& group) {
  check(o.total_steps > 0, "[OneCycleLR] total_steps must be 1 or more, got {}", o.total_steps);
  check(o.pct_start >= 0 && o.pct_start <= 1, "[OneCycleLR] pct_start must be 0 to 1, got {}", o.pct_start);
  group.max_lr = o.max_lr.of(group.index, group.count);
  group.initial_lr = group.max_lr / o.div_factor;
  group.min_lr = *group.initial_lr / o.final_div_factor;
  start_momentum(o, group, "OneCycleLR");
}
double next(const OneCycleLR& o, Clock& clock, ScheduledGroup& group) {
  struct Way {
    double from, to;
  };
  const auto total = static_cast<double>(o.total_steps);
  const double time = clock.time();
  check(time <= total, "[OneCycleLR] stepped {} times, but total_steps is {}", clock.t, o.total_steps);
  const auto between = [&](double begin, double end, Way lr, Way momentum) {
    check(begin != end, "[OneCycleLR] pct_start {} of {} steps leaves a phase without a step", o.pct_start,
          o.total_steps);
    const double share = (time - begin) / (end - begin);
    const auto at = [&](Way way) {
      if (o.anneal_strategy == OneCycleLR::Anneal::linear) return (way.to - way.from) * share + way.from;
      return way.to + (way.from - way.to) / 2 * (std::cos(pi * share) + 1);
    };
    if (o.cycle_momentum) group.momentum = at(momentum);
    return at(lr);
  };
  const double top = o.pct_start * total - 1, last = total - 1;
  const double first_lr = *group.initial_lr, low = group.base_momentum, high = group.max_momentum;
  if (time <= top) return between(0, top, {first_lr, group.max_lr}, {high, low});
  if (!o.three_phase) return between(top, last, {group.max_lr, group.min_lr}, {low, high});
  const double back = 2 * o.pct_start * total - 2;
  if (time <= back) return between(top, back, {group.max_lr, first_lr}, {low, high});
  return between(back, last, {first_lr, group.min_lr}, {high, high});
}
double restarted(const OneCycleLR& o, Clock& clock, ScheduledGroup& group) { return next(o, clock, group); }

// Of all schedules with a factor().
double next(const auto& o, Clock& clock, ScheduledGroup& group) { return group.lr * factor(o, clock); }

// Includes the initial step.
std::unique_ptr<SchedulerState> make_state(const TorchSchedule& schedule, ScheduledGroup& group);

template <typename Options>
class StateOf final : public SchedulerState {
 public:
  StateOf(const Options& options, ScheduledGroup& group) : options_(options) {
    start(options_, group);
    if (!group.initial_lr) group.initial_lr = group.lr;
    clock_.base = *group.initial_lr;
    initial_step(group);
  }
  void initial_step(ScheduledGroup& group) override {
    clock_.initial = true;
    step(group);
    clock_.initial = false;
  }
  void step(ScheduledGroup& group) override {
    ++clock_.t;
    group.lr = next(options_, clock_, group);
  }
  void restart(ScheduledGroup& group) override {
    clock_.t = 0;
    group.lr = restarted(options_, clock_, group);
  }
  void undo() override { --clock_.t; }

 private:
  Options options_;
  Clock clock_;
};

// Several schedules as one.
class Composition : public SchedulerState {
 public:
  // One step further, and not initial for the parts: so does PyTorch with one composition inside of another.
  void initial_step(ScheduledGroup& group) final { step(group); }
  void restart(ScheduledGroup&) final {
    fail("[SequentialLR] a {} can only be its first part, as in PyTorch", name_);
  }
  void undo() final {
    for (const auto& state : parts_) state->undo();
  }

 protected:
  Composition(const char* name, const std::vector<TorchSchedule>& schedules, ScheduledGroup& group)
      : name_(name) {
    check(!schedules.empty(), "[{}] needs at least one schedule", name);
    for (const TorchSchedule& schedule : schedules) parts_.push_back(make_state(schedule, group));
  }

  const char* name_;
  std::vector<std::unique_ptr<SchedulerState>> parts_;
};

template <>
class StateOf<SequentialLR> final : public Composition {
 public:
  StateOf(const SequentialLR& o, ScheduledGroup& group)
      : Composition("SequentialLR", o.schedulers, group), milestones_(o.milestones) {
    check(milestones_.size() + 1 == parts_.size(), "[SequentialLR] {} schedules need {} milestones, got {}",
          parts_.size(), parts_.size() - 1, milestones_.size());
    group.lr = *group.initial_lr;
    undo();
    part().initial_step(group);
  }
  void step(ScheduledGroup& group) override {
    ++t_;
    const bool begins = std::ranges::find(milestones_, t_) != milestones_.end();
    begins ? part().restart(group) : part().step(group);
  }

 private:
  SchedulerState& part() const {
    const auto passed = std::ranges::upper_bound(milestones_, t_) - milestones_.begin();
    return *parts_[static_cast<std::size_t>(passed)];
  }
  std::vector<std::int64_t> milestones_;
  std::int64_t t_ = 0;
};

template <>
class StateOf<ChainedScheduler> final : public Composition {
 public:
  StateOf(const ChainedScheduler& o, ScheduledGroup& group)
      : Composition("ChainedScheduler", o.schedulers, group) {}
  void step(ScheduledGroup& group) override {
    for (const auto& state : parts_) state->step(group);
  }
};

std::unique_ptr<SchedulerState> make_state(const TorchSchedule& schedule, ScheduledGroup& group) {
  return std::visit(
      [&](const auto& options) -> std::unique_ptr<SchedulerState> {
        return std::make_unique<StateOf<std::decay_t<decltype(options)>>>(options, group);
      },
      schedule);
}

}  // namespace

double PerGroup::of(int group, int groups) const {
  check(values_.size() == 1 || values_.size() == static_cast<std::size_t>(groups),
        "[schedule] expected one value or one for each of {} groups, got {}", groups, values_.size());
  return values_.size() == 1 ? values_[0] : values_[static_cast<std::size_t>(group)];
}

struct DrivenGroup {
  ScheduledGroup group;
  std::unique_ptr<SchedulerState> state;

  DrivenGroup(const TorchSchedule& schedule, const ScheduledGroup& first)
      : group(first), state(make_state(schedule, group)) {}
};

TorchScheduler::TorchScheduler(Optimizer& optimizer, const TorchSchedule& schedule) : optimizer_(optimizer) {
  for (int i = 0; i < optimizer.groups(); ++i) {
    groups_.emplace_back(schedule,
                         ScheduledGroup{optimizer.lr(i), optimizer.momentum(i), i, optimizer.groups()});
    apply(i);
  }
}

TorchScheduler::~TorchScheduler() = default;

void TorchScheduler::step() {
  for (int i = 0; i < optimizer_.groups(); ++i) {
    auto& [group, state] = groups_[static_cast<std::size_t>(i)];
    group.lr = optimizer_.lr(i);
    group.momentum = optimizer_.momentum(i);
    state->step(group);
    apply(i);
  }
}

void TorchScheduler::apply(int i) {
  const ScheduledGroup& group = groups_[static_cast<std::size_t>(i)].group;
  optimizer_.set_lr(i, group.lr);
  if (group.momentum != optimizer_.momentum(i)) optimizer_.set_momentum(i, *group.momentum);
}

Schedule schedule_from(const TorchSchedule& schedule) {
  struct Course {
    DrivenGroup driven;
    std::vector<double> rates;

    Course(const TorchSchedule& schedule, double lr)
        : driven(schedule, {.lr = lr, .momentum = 0}), rates{driven.group.lr} {}
  };
  // By the group's own rate, on which all others depend.
  const auto courses = std::make_shared<std::map<double, Course>>();
  return [schedule, courses](double lr, std::int64_t step) {
    auto& [driven, rates] = courses->try_emplace(lr, schedule, lr).first->second;
    while (std::ssize(rates) <= step) {
      driven.state->step(driven.group);
      rates.push_back(driven.group.lr);
    }
    return rates[static_cast<std::size_t>(step)];
  };
}

}  // namespace lockstep::optim
