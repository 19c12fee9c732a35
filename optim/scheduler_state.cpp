#include "optim/scheduler_state.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lockstep::optim {

namespace {

constexpr double pi = std::numbers::pi;

// A schedule that is no composition: it gives next() and, where that is not the group's first rate,
// restarted().
class Leaf : public SchedulerState {
 public:
  void initial_step(ScheduledGroup& group) final {
    initial_ = true;
    step(group);
    initial_ = false;
  }
  void step(ScheduledGroup& group) final {
    ++t_;
    group.lr = next(group);
  }
  void restart(ScheduledGroup& group) final {
    t_ = 0;
    group.lr = restarted(group);
  }
  void undo() final { --t_; }

 protected:
  // The rate of step t, from that of step t - 1 in the group.
  virtual double next(ScheduledGroup& group) = 0;
  // The rate of step 0, whatever is in the group.
  virtual double restarted(ScheduledGroup&) { return base_; }

  // To be called at the end of the constructor.
  void begin(ScheduledGroup& group) {
    if (!group.initial_lr) group.initial_lr = group.lr;
    base_ = *group.initial_lr;
    initial_step(group);
  }

  std::int64_t t() const { return t_; }
  double time() const { return static_cast<double>(t_); }
  bool initial() const { return initial_; }
  double base() const { return base_; }
  void set_base(double base) { base_ = base; }

 private:
  std::int64_t t_ = -1;
  double base_ = 0;
  bool initial_ = false;
};

template <typename Options>
class StateOf;

template <>
class StateOf<LambdaLR> final : public Leaf {
 public:
  StateOf(const LambdaLR& o, ScheduledGroup& group) : o_(o) { begin(group); }

 private:
  double next(ScheduledGroup&) override { return base() * o_.lr_lambda(t()); }
  double restarted(ScheduledGroup& group) override { return next(group); }
  LambdaLR o_;
};

template <>
class StateOf<MultiplicativeLR> final : public Leaf {
 public:
  StateOf(const MultiplicativeLR& o, ScheduledGroup& group) : o_(o) { begin(group); }

 private:
  double next(ScheduledGroup& group) override { return initial() ? group.lr : group.lr * o_.lr_lambda(t()); }
  double restarted(ScheduledGroup& group) override { return next(group); }
  MultiplicativeLR o_;
};

template <>
class StateOf<StepLR> final : public Leaf {
 public:
  StateOf(const StepLR& o, ScheduledGroup& group) : o_(o) {
    check(o.step_size > 0, "[StepLR] step_size must be 1 or more, got {}", o.step_size);
    begin(group);
  }

 private:
  double next(ScheduledGroup& group) override {
    return t() == 0 || t() % o_.step_size != 0 ? group.lr : group.lr * o_.gamma;
  }
  StepLR o_;
};

template <>
class StateOf<MultiStepLR> final : public Leaf {
 public:
  StateOf(const MultiStepLR& o, ScheduledGroup& group) : o_(o) { begin(group); }

 private:
  double next(ScheduledGroup& group) override {
    const auto here = std::count(o_.milestones.begin(), o_.milestones.end(), t());
    return here == 0 ? group.lr : group.lr * std::pow(o_.gamma, static_cast<double>(here));
  }
  double restarted(ScheduledGroup&) override {
    const auto passed = std::count_if(o_.milestones.begin(), o_.milestones.end(),
                                      [](std::int64_t milestone) { return milestone <= 0; });
    return base() * std::pow(o_.gamma, static_cast<double>(passed));
  }
  MultiStepLR o_;
};

template <>
class StateOf<ConstantLR> final : public Leaf {
 public:
  StateOf(const ConstantLR& o, ScheduledGroup& group) : o_(o) {
    check(o.factor >= 0 && o.factor <= 1, "[ConstantLR] factor must be 0 to 1, got {}", o.factor);
    begin(group);
  }

 private:
  double next(ScheduledGroup& group) override {
    if (t() == 0) return group.lr * o_.factor;
    return time() != o_.total_iters ? group.lr : group.lr * (1 / o_.factor);
  }
  double restarted(ScheduledGroup&) override { return base() * (o_.total_iters <= 0 ? 1 : o_.factor); }
  ConstantLR o_;
};

template <>
class StateOf<LinearLR> final : public Leaf {
 public:
  StateOf(const LinearLR& o, ScheduledGroup& group) : o_(o) {
    check(o.start_factor > 0 && o.start_factor <= 1,
          "[LinearLR] start_factor must be more than 0 and at most 1, got {}", o.start_factor);
    check(o.end_factor >= 0 && o.end_factor <= 1, "[LinearLR] end_factor must be 0 to 1, got {}",
          o.end_factor);
    begin(group);
  }

 private:
  double next(ScheduledGroup& group) override {
    if (t() == 0) return group.lr * o_.start_factor;
    if (initial() || time() > o_.total_iters) return group.lr;
    const double rise = o_.end_factor - o_.start_factor;
    return group.lr * (1 + rise / (o_.total_iters * o_.start_factor + (time() - 1) * rise));
  }
  double restarted(ScheduledGroup&) override {
    const double rise = o_.end_factor - o_.start_factor;
    return base() * (o_.start_factor + rise * std::min(o_.total_iters, 0.0) / o_.total_iters);
  }
  LinearLR o_;
};

template <>
class StateOf<ExponentialLR> final : public Leaf {
 public:
  StateOf(const ExponentialLR& o, ScheduledGroup& group) : o_(o) { begin(group); }

 private:
  double next(ScheduledGroup& group) override { return initial() ? group.lr : group.lr * o_.gamma; }
  ExponentialLR o_;
};

template <>
class StateOf<PolynomialLR> final : public Leaf {
 public:
  StateOf(const PolynomialLR& o, ScheduledGroup& group) : o_(o) { begin(group); }

 private:
  double next(ScheduledGroup& group) override {
    if (initial() || time() > o_.total_iters) return group.lr;
    return group.lr * std::pow((1 - time() / o_.total_iters) / (1 - (time() - 1) / o_.total_iters), o_.power);
  }
  PolynomialLR o_;
};

template <>
class StateOf<CosineAnnealingLR> final : public Leaf {
 public:
  StateOf(const CosineAnnealingLR& o, ScheduledGroup& group) : o_(o) {
    check(o.T_max > 0, "[CosineAnnealingLR] T_max must be more than 0, got {}", o.T_max);
    begin(group);
  }

 private:
  double next(ScheduledGroup& group) override {
    const double T = o_.T_max;
    if (initial()) return group.lr;
    if (std::fmod(time() - 1 - T, 2 * T) == 0) {  // at the lowest point, where the ratio would be 0 / 0
      return group.lr + (base() - o_.eta_min) * (1 - std::cos(pi / T)) / 2;
    }
    return (1 + std::cos(pi * time() / T)) / (1 + std::cos(pi * (time() - 1) / T)) * (group.lr - o_.eta_min) +
           o_.eta_min;
  }
  CosineAnnealingLR o_;
};

template <>
class StateOf<CosineAnnealingWarmRestarts> final : public Leaf {
 public:
  StateOf(const CosineAnnealingWarmRestarts& o, ScheduledGroup& group) : o_(o), period_(o.T_0) {
    check(o.T_0 > 0, "[CosineAnnealingWarmRestarts] T_0 must be 1 or more, got {}", o.T_0);
    check(o.T_mult >= 1, "[CosineAnnealingWarmRestarts] T_mult must be 1 or more, got {}", o.T_mult);
    begin(group);
  }

 private:
  double next(ScheduledGroup&) override {
    if (t() == 0) {
      now_ = 0;
      period_ = o_.T_0;
    } else if (++now_ >= period_) {
      now_ %= period_;
      period_ *= o_.T_mult;
    }
    return rate();
  }
  double restarted(ScheduledGroup&) override { return rate(); }
  double rate() const {
    const double share = pi * static_cast<double>(now_) / static_cast<double>(period_);
    return o_.eta_min + (base() - o_.eta_min) * (1 + std::cos(share)) / 2;
  }
  CosineAnnealingWarmRestarts o_;
  std::int64_t now_ = 0, period_;
};

void expect_momentum(const ScheduledGroup& group, const char* schedule) {
  check(group.momentum.has_value(),
        "[{}] the optimizer has neither momentum nor beta1: set cycle_momentum to false", schedule);
}

template <>
class StateOf<CyclicLR> final : public Leaf {
 public:
  StateOf(const CyclicLR& o, ScheduledGroup& group)
      : o_(o),
        low_(o.base_lr.of(group.index, group.count)),
        high_(o.max_lr.of(group.index, group.count)),
        base_momentum_(o.base_momentum.of(group.index, group.count)),
        max_momentum_(o.max_momentum.of(group.index, group.count)),
        length_(o.step_size_up + o.step_size_down.value_or(o.step_size_up)),
        rise_(o.step_size_up / length_) {
    group.lr = low_;
    if (o.cycle_momentum) {
      expect_momentum(group, "CyclicLR");
      group.momentum = group.max_momentum = max_momentum_;
      group.base_momentum = base_momentum_;
    }
    begin(group);
    set_base(low_);
  }

 private:
  double next(ScheduledGroup& group) override {
    const double cycle = std::floor(1 + time() / length_), x = 1 + time() / length_ - cycle;
    const double height = x <= rise_ ? x / rise_ : (x - 1) / (rise_ - 1);
    const double size = o_.mode == CyclicLR::Mode::triangular    ? 1
                        : o_.mode == CyclicLR::Mode::triangular2 ? 1 / std::pow(2.0, cycle - 1)
                                                                 : std::pow(o_.gamma, time());
    if (o_.cycle_momentum) {
      group.momentum = max_momentum_ - (max_momentum_ - base_momentum_) * height * size;
    }
    return base() + (high_ - base()) * height * size;
  }
  double restarted(ScheduledGroup& group) override { return next(group); }
  CyclicLR o_;
  double low_, high_, base_momentum_, max_momentum_, length_, rise_;
};

template <>
class StateOf<OneCycleLR> final : public Leaf {
 public:
  StateOf(const OneCycleLR& o, ScheduledGroup& group) : o_(o) {
    check(o.total_steps > 0, "[OneCycleLR] total_steps must be 1 or more, got {}", o.total_steps);
    check(o.pct_start >= 0 && o.pct_start <= 1, "[OneCycleLR] pct_start must be 0 to 1, got {}", o.pct_start);
    group.max_lr = o.max_lr.of(group.index, group.count);
    group.initial_lr = group.max_lr / o.div_factor;
    group.min_lr = *group.initial_lr / o.final_div_factor;
    if (o.cycle_momentum) {
      expect_momentum(group, "OneCycleLR");
      group.momentum = group.max_momentum = o.max_momentum.of(group.index, group.count);
      group.base_momentum = o.base_momentum.of(group.index, group.count);
    }
    begin(group);
  }

 private:
  double next(ScheduledGroup& group) override {
    const auto total = static_cast<double>(o_.total_steps);
    check(time() <= total, "[OneCycleLR] stepped {} times, but total_steps is {}", t(), o_.total_steps);
    const double top = o_.pct_start * total - 1, last = total - 1;
    const double first_lr = *group.initial_lr, low = group.base_momentum, high = group.max_momentum;
    if (time() <= top) return between(group, 0, top, {first_lr, group.max_lr}, {high, low});
    if (!o_.three_phase) return between(group, top, last, {group.max_lr, group.min_lr}, {low, high});
    const double back = 2 * o_.pct_start * total - 2;
    if (time() <= back) return between(group, top, back, {group.max_lr, first_lr}, {low, high});
    return between(group, back, last, {first_lr, group.min_lr}, {high, high});
  }
  double restarted(ScheduledGroup& group) override { return next(group); }

  struct Way {
    double from, to;
  };
  double between(ScheduledGroup& group, double begin, double end, Way lr, Way momentum) const {
    check(begin != end, "[OneCycleLR] pct_start {} of {} steps leaves a phase without a step", o_.pct_start,
          o_.total_steps);
    const double share = (time() - begin) / (end - begin);
    if (o_.cycle_momentum) group.momentum = at(momentum, share);
    return at(lr, share);
  }
  double at(Way way, double share) const {
    if (o_.anneal_strategy == OneCycleLR::Anneal::linear) return (way.to - way.from) * share + way.from;
    return way.to + (way.from - way.to) / 2 * (std::cos(pi * share) + 1);
  }
  OneCycleLR o_;
};

std::vector<std::unique_ptr<SchedulerState>> make_all(const std::vector<TorchSchedule>& schedules,
                                                      ScheduledGroup& group, const char* name) {
  check(!schedules.empty(), "[{}] needs at least one schedule", name);
  std::vector<std::unique_ptr<SchedulerState>> all;
  for (const TorchSchedule& schedule : schedules) all.push_back(make_scheduler_state(schedule, group));
  return all;
}

template <>
class StateOf<SequentialLR> final : public SchedulerState {
 public:
  StateOf(const SequentialLR& o, ScheduledGroup& group)
      : parts_(make_all(o.schedulers, group, "SequentialLR")), milestones_(o.milestones) {
    check(milestones_.size() + 1 == parts_.size(), "[SequentialLR] {} schedules need {} milestones, got {}",
          parts_.size(), parts_.size() - 1, milestones_.size());
    group.lr = *group.initial_lr;
    undo();
    part().initial_step(group);
  }
  // One step further, and not initial for the part: so does PyTorch with a SequentialLR inside of another.
  void initial_step(ScheduledGroup& group) override { step(group); }
  void step(ScheduledGroup& group) override {
    ++t_;
    const bool begins = std::find(milestones_.begin(), milestones_.end(), t_) != milestones_.end();
    begins ? part().restart(group) : part().step(group);
  }
  void restart(ScheduledGroup&) override {
    fail("[SequentialLR] another SequentialLR can only be its first part, as in PyTorch");
  }
  void undo() override {
    for (const auto& state : parts_) state->undo();
  }

 private:
  SchedulerState& part() const {
    const auto passed = std::upper_bound(milestones_.begin(), milestones_.end(), t_) - milestones_.begin();
    return *parts_[static_cast<std::size_t>(passed)];
  }
  std::vector<std::unique_ptr<SchedulerState>> parts_;
  std::vector<std::int64_t> milestones_;
  std::int64_t t_ = 0;
};

template <>
class StateOf<ChainedScheduler> final : public SchedulerState {
 public:
  StateOf(const ChainedScheduler& o, ScheduledGroup& group)
      : parts_(make_all(o.schedulers, group, "ChainedScheduler")) {}
  void initial_step(ScheduledGroup& group) override { step(group); }
  void step(ScheduledGroup& group) override {
    for (const auto& state : parts_) state->step(group);
  }
  void restart(ScheduledGroup&) override {
    fail("[SequentialLR] a ChainedScheduler can only be its first part, as in PyTorch");
  }
  void undo() override {
    for (const auto& state : parts_) state->undo();
  }

 private:
  std::vector<std::unique_ptr<SchedulerState>> parts_;
};

}  // namespace

std::unique_ptr<SchedulerState> make_scheduler_state(const TorchSchedule& schedule, ScheduledGroup& group) {
  return std::visit(
      [&](const auto& options) -> std::unique_ptr<SchedulerState> {
        return std::make_unique<StateOf<std::decay_t<decltype(options)>>>(options, group);
      },
      schedule);
}

}  // namespace lockstep::optim
