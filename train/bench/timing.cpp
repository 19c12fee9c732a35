#include "train/bench/timing.h"

#include <time.h>

#include <algorithm>

#include "train/statistics/statistics.h"

namespace lockstep::train {

namespace {

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

Timing timing_of(const std::vector<double>& seconds) {
  return {quantile(seconds, 0.5), quantile(seconds, 0.25), quantile(seconds, 0.75),
          *std::min_element(seconds.begin(), seconds.end())};
}

Elapsed elapsed(const std::function<void()>& action) {
  const double wall = monotonic_seconds(), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  action();
  return {monotonic_seconds() - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu};
}

Repetitions::Repetitions(int least, double seconds) : least_(least), end_(monotonic_seconds() + seconds) {}

bool Repetitions::next() { return least_-- > 0 || monotonic_seconds() < end_; }

}  // namespace lockstep::train
