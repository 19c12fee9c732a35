#include "train/study/job_queue.h"

#include <algorithm>

namespace lockstep::train {

std::optional<Job> JobQueue::take(bool is_first_thread) {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    const Plan plan = store_.with_runs([&](const RunResults& done) {
      const Plan all = plan_of(study_, designs_, done);
      progress_.expect(static_cast<std::int64_t>(done.size()) + std::ssize(all.jobs) + all.later);
      return all;
    });
    if (plan.jobs.empty()) return std::nullopt;
    const auto next = std::ranges::find_if(plan.jobs, [&](const Job& job) {
      return !running_.contains(job.key) && (is_first_thread || !job.takes_longest());
    });
    if (next != plan.jobs.end()) {
      running_.insert(next->key);
      return *next;
    }
    changed_.wait(lock);
  }
  return std::nullopt;
}

void JobQueue::done(const Job& job) {
  const std::lock_guard lock(mutex_);
  running_.erase(job.key);
  changed_.notify_all();
}

void JobQueue::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace lockstep::train
