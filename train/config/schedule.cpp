#include "train/config/schedule.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "optim/torch_schedules.h"

namespace lockstep::train {

namespace {

using optim::Schedule;

struct Kind {
  std::string name;
  std::vector<std::string> keys;
  Schedule (*make)(const RunConfig& config);
};

// PyTorch's schedule of a rate of 1: a factor for every group's own rate.
Schedule factor_from(const optim::TorchSchedule& schedule) {
  return [factor = optim::schedule_from(schedule)](double lr, std::int64_t step) {
    return lr * factor(1, step);
  };
}

Schedule after_warmup(const RunConfig& config, const optim::TorchSchedule& schedule) {
  return optim::after_warmup(config.warmup, factor_from(schedule));
}

optim::WarmupOptions falling(const RunConfig& config) {
  return {.warmup = config.warmup, .steps = config.steps, .final_fraction = config.min_lr / config.lr};
}

// The rate is highest after the warm-up, or after PyTorch's 30% of the steps.
Schedule one_cycle(const RunConfig& config) {
  optim::OneCycleLR cycle{.max_lr = 1, .total_steps = config.steps};
  if (config.warmup > 0) {
    cycle.pct_start = static_cast<double>(config.warmup + 1) / static_cast<double>(config.steps);
  }
  if (config.min_lr > 0) cycle.final_div_factor = config.lr / cycle.div_factor / config.min_lr;
  return factor_from(cycle);
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"constant", {"warmup"}, [](const RunConfig& c) { return optim::warmup_constant(c.warmup); }},
      {"cosine", {"warmup", "min_lr"}, [](const RunConfig& c) { return optim::warmup_cosine(falling(c)); }},
      {"linear", {"warmup", "min_lr"}, [](const RunConfig& c) { return optim::warmup_linear(falling(c)); }},
      {"step",
       {"warmup", "schedule_period", "schedule_gamma"},
       [](const RunConfig& c) {
         return after_warmup(c, optim::StepLR{c.schedule_period, c.schedule_gamma});
       }},
      {"exponential",
       {"warmup", "schedule_period", "schedule_gamma"},
       [](const RunConfig& c) {
         const double steps = static_cast<double>(c.schedule_period);
         return after_warmup(c, optim::ExponentialLR{std::pow(c.schedule_gamma, 1 / steps)});
       }},
      {"polynomial",
       {"warmup", "schedule_power"},
       [](const RunConfig& c) {
         const double steps = static_cast<double>(c.steps - c.warmup);
         return after_warmup(c, optim::PolynomialLR{steps, c.schedule_power});
       }},
      {"cosine_restarts",
       {"warmup", "min_lr", "schedule_period"},
       [](const RunConfig& c) {
         return after_warmup(
             c, optim::CosineAnnealingWarmRestarts{.T_0 = c.schedule_period, .eta_min = c.min_lr / c.lr});
       }},
      {"onecycle", {"warmup", "min_lr"}, one_cycle},
  };
  return all;
}

const Kind& kind(const std::string& name) {
  const auto found = std::ranges::find(kinds(), name, &Kind::name);
  check(found != kinds().end(), "there is no schedule \"{}\"", name);
  return *found;
}

}  // namespace

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  return names;
}

const std::vector<std::string>& schedule_keys(const std::string& name) { return kind(name).keys; }

Schedule make_schedule(const RunConfig& config) {
  if (config.steps == 0) return optim::warmup_constant(0);  // an initialisation, to look at
  return kind(config.schedule).make(config);
}

}  // namespace lockstep::train
