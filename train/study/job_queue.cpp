#include "train/study/job_queue.h"

#include <algorithm>

namespace lockstep::train {

JobQueue::JobQueue(const StudyConfig& study, const std::vector<Design>& designs, StudyStore& store,
                   Progress& progress)
    : study_(study),
      designs_(designs),
      store_(store),
      progress_(progress),
      is_adaptive_(std::ranges::any_of(study.experiments, [](const ExperimentConfig& experiment) {
        return experiment.tune != "off" || experiment.stopping != "fixed";
      })) {}

void JobQueue::plan() {
  Plan plan = store_.with_runs([&](const RunResults& done) {
    Plan all = plan_of(study_, designs_, done);
    progress_.expect(static_cast<std::int64_t>(done.size()) + std::ssize(all.jobs) + all.later);
    return all;
  });
  std::erase_if(plan.jobs, [&](const Job& job) { return running_.contains(job.key); });
  waiting_.assign(std::move_iterator(plan.jobs.begin()), std::move_iterator(plan.jobs.end()));
  is_stale_ = false;
}

std::optional<Job> JobQueue::take(bool is_first_thread) {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (is_stale_) plan();
    if (waiting_.empty() && (running_.empty() || !is_adaptive_)) return std::nullopt;
    const auto next = std::ranges::find_if(
        waiting_, [&](const Job& job) { return is_first_thread || !job.takes_longest(); });
    if (next != waiting_.end()) {
      Job job = std::move(*next);
      waiting_.erase(next);
      running_.insert(job.key);
      return job;
    }
    changed_.wait(lock);
  }
  return std::nullopt;
}

void JobQueue::done(const Job& job) {
  const std::lock_guard lock(mutex_);
  running_.erase(job.key);
  is_stale_ = is_adaptive_;
  changed_.notify_all();
}

void JobQueue::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace lockstep::train
