#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "optim/schedule.h"

// torch.optim.lr_scheduler, number for number (PyTorch 2.15). Where PyTorch computes a rate from the one
// before, so do these: a rate that was changed from outside stays changed, and schedules can be chained.
namespace lockstep::optim {

// One value for all groups of an optimizer, or one for each.
class PerGroup {
 public:
  PerGroup(double value) : values_{value} {}
  PerGroup(std::vector<double> values) : values_(std::move(values)) {}
  // Throws where there are neither one nor `groups` values.
  double of(int group, int groups) const;

 private:
  std::vector<double> values_;
};

// Below, t counts the scheduler's steps from 0, and lr is the group's own rate.

struct LambdaLR {  // lr f(t)
  std::function<double(std::int64_t t)> lr_lambda;
};
struct MultiplicativeLR {  // lr f(1) f(2) ... f(t)
  std::function<double(std::int64_t t)> lr_lambda;
};
struct StepLR {  // times gamma every step_size steps
  std::int64_t step_size;
  double gamma = 0.1;
};
struct MultiStepLR {  // times gamma at each milestone
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
};
struct ConstantLR {  // factor lr for total_iters steps, then lr
  double factor = 1.0 / 3, total_iters = 5;
};
struct LinearLR {  // from start_factor lr to end_factor lr in total_iters steps
  double start_factor = 1.0 / 3, end_factor = 1, total_iters = 5;
};
struct ExponentialLR {  // lr gamma^t
  double gamma;
};
struct PolynomialLR {  // lr (1 - t / total_iters)^power
  double total_iters = 5, power = 1;
};
struct CosineAnnealingLR {  // half a cosine from lr to eta_min in T_max steps, and back, and ...
  double T_max;
  double eta_min = 0;
};
// Half a cosine in T_0 steps, the next in T_0 T_mult, ... (Loshchilov and Hutter 2017, arXiv:1608.03983)
struct CosineAnnealingWarmRestarts {
  std::int64_t T_0, T_mult = 1;
  double eta_min = 0;
};
// Up and down between base_lr and max_lr (Smith 2017, arXiv:1506.01186): the peaks are equal (triangular),
// halved each time (triangular2) or times gamma^t (exp_range). Momentum, or beta1, moves the other way.
struct CyclicLR {
  enum class Mode { triangular, triangular2, exp_range };
  PerGroup base_lr, max_lr;
  double step_size_up = 2000;
  std::optional<double> step_size_down = {};  // none: step_size_up
  Mode mode = Mode::triangular;
  double gamma = 1;
  bool cycle_momentum = true;
  PerGroup base_momentum = 0.8, max_momentum = 0.9;
};
// From max_lr / div_factor up to max_lr and down to 1 / final_div_factor of where it began (Smith and Topin
// 2018, arXiv:1708.07120), in total_steps. Momentum, or beta1, moves the other way.
struct OneCycleLR {
  enum class Anneal { cos, linear };
  PerGroup max_lr;
  std::int64_t total_steps;
  double pct_start = 0.3;  // share of the way up
  Anneal anneal_strategy = Anneal::cos;
  bool cycle_momentum = true;
  PerGroup base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25, final_div_factor = 1e4;
  bool three_phase = false;  // down to where it began, as long as the way up, then further down
};

struct TorchSchedule;
// Each from its start when its milestone is reached; one milestone less than schedules.
struct SequentialLR {
  std::vector<TorchSchedule> schedulers;
  std::vector<std::int64_t> milestones;
};
// All in every step, each on the rate that the one before leaves.
struct ChainedScheduler {
  std::vector<TorchSchedule> schedulers;
};

struct TorchSchedule
    : std::variant<LambdaLR, MultiplicativeLR, StepLR, MultiStepLR, ConstantLR, LinearLR, ExponentialLR,
                   PolynomialLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR,
                   SequentialLR, ChainedScheduler> {
  using variant::variant;
};

struct DrivenGroup;  // optim/torch_schedules.cpp

// Drives all groups of an optimizer.
//
//   TorchScheduler scheduler(adam, OneCycleLR{.max_lr = 0.1, .total_steps = 2000});
//   for (step...) { ...; adam.step(); scheduler.step(); }
//
// Nothing has to be saved: a training that is resumed at step n makes a new one from the same first rates and
// steps it n times.
class TorchScheduler {
 public:
  // Sets the rates of the first step. Throws for options that PyTorch refuses.
  TorchScheduler(Optimizer& optimizer, const TorchSchedule& schedule);
  ~TorchScheduler();
  // Sets those of the next.
  void step();

 private:
  void apply(int group);

  Optimizer& optimizer_;
  std::vector<DrivenGroup> groups_;
};

// The same as a function of the step, for the trainer: the rates alone, momentum stays as it is. It keeps
// the rates that it went through, so one object belongs to one thread.
Schedule schedule_from(const TorchSchedule& schedule);

}  // namespace lockstep::optim
