#include "optim/torch_schedules.h"

#include <map>

#include "optim/scheduler_state.h"

namespace lockstep::optim {

double PerGroup::of(int group, int groups) const {
  check(values_.size() == 1 || values_.size() == static_cast<std::size_t>(groups),
        "[schedule] expected one value or one for each of {} groups, got {}", groups, values_.size());
  return values_.size() == 1 ? values_[0] : values_[static_cast<std::size_t>(group)];
}

struct TorchScheduler::Driven {
  ScheduledGroup group;
  std::unique_ptr<SchedulerState> state;
};

TorchScheduler::TorchScheduler(Optimizer& optimizer, const TorchSchedule& schedule) : optimizer_(optimizer) {
  for (int i = 0; i < optimizer.groups(); ++i) {
    ScheduledGroup group{optimizer.lr(i), optimizer.momentum(i), i, optimizer.groups()};
    std::unique_ptr<SchedulerState> state = make_scheduler_state(schedule, group);
    groups_.push_back({group, std::move(state)});
    apply(i);
  }
}

TorchScheduler::~TorchScheduler() = default;

void TorchScheduler::step() {
  for (int i = 0; i < optimizer_.groups(); ++i) {
    Driven& driven = groups_[static_cast<std::size_t>(i)];
    driven.group.lr = optimizer_.lr(i);
    driven.group.momentum = optimizer_.momentum(i);
    driven.state->step(driven.group);
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
    ScheduledGroup group;
    std::unique_ptr<SchedulerState> state;
    std::vector<double> rates;
  };
  // By the group's own rate, on which all others depend.
  const auto courses = std::make_shared<std::map<double, Course>>();
  return [schedule, courses](double lr, std::int64_t step) {
    Course& course = (*courses)[lr];
    if (!course.state) {
      course.group = {.lr = lr, .momentum = 0};
      course.state = make_scheduler_state(schedule, course.group);
      course.rates = {course.group.lr};
    }
    while (static_cast<std::int64_t>(course.rates.size()) <= step) {
      course.state->step(course.group);
      course.rates.push_back(course.group.lr);
    }
    return course.rates[static_cast<std::size_t>(step)];
  };
}

}  // namespace lockstep::optim
