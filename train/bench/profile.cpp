#include "train/bench/profile.h"

#include <algorithm>
#include <map>

#include "core/runtime/observer.h"
#include "train/statistics/statistics.h"
#include "train/text/clock.h"

namespace lockstep::train {

namespace {

class OpClock final : public Observer {
 public:
  void op(const char* name) override {
    OpTime& entry = times[name];
    entry.forward += lap();
    ++entry.calls;
  }
  void gradient(const char* name) override { times[name].backward += lap(); }

  // Seconds since the last event.
  double lap() {
    const double now = monotonic_seconds();
    return now - std::exchange(last_, now);
  }

  std::map<std::string, OpTime> times;

 private:
  double last_ = monotonic_seconds();
};

double median_of(const std::vector<std::map<std::string, OpTime>>& steps, const std::string& name,
                 double OpTime::*part) {
  std::vector<double> values;
  for (const auto& step : steps) {
    const auto found = step.find(name);
    values.push_back(found == step.end() ? 0 : found->second.*part);
  }
  return quantile(values, 0.5);
}

}  // namespace

std::vector<OpTime> profile_step(const std::function<void()>& gradients, const std::function<void()>& update,
                                 int repetitions) {
  std::vector<std::map<std::string, OpTime>> steps;
  for (int i = 0; i < repetitions; ++i) {
    OpClock clock;
    gradients();
    clock.times["outside ops"].backward = clock.lap();
    update();
    clock.times["update"] = {.forward = clock.lap(), .calls = 1};
    steps.push_back(std::move(clock.times));
  }
  std::vector<OpTime> profile;
  for (const auto& [name, last] : steps.back()) {
    profile.push_back({name, median_of(steps, name, &OpTime::forward),
                       median_of(steps, name, &OpTime::backward), last.calls});
  }
  std::sort(profile.begin(), profile.end(),
            [](const OpTime& a, const OpTime& b) { return a.forward + a.backward > b.forward + b.backward; });
  return profile;
}

}  // namespace lockstep::train
