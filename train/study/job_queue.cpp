#include "train/study/job_queue.h"

#include <algorithm>

namespace lockstep::train {

JobQueue::JobQueue(const StudyConfig& study, const std::vector<Design>& designs, const Share& share,
                   StudyStore& store, Progress& progress)
    : study_(study),
      designs_(designs),
      share_(share),
      store_(store),
      progress_(progress),
      is_adaptive_(share.kind != Share::Kind::part &&
                   std::ranges::any_of(study.experiments, [](const ExperimentConfig& experiment) {
                     return experiment.tune != "off" || experiment.stopping != "fixed";
                   })) {}

void JobQueue::plan() {
  Plan plan = store_.with_runs([&](const RunResults& done) {
    Plan all = plan_of_share(share_, study_, designs_, done);
    progress_.expect(static_cast<std::int64_t>(done.size()) + std::ssize(all.jobs) + all.later);
    return all;
  });
  std::erase_if(plan.jobs, [&](const Job& job) { return running_.contains(job.key); });
  waiting_.assign(std::move_iterator(plan.jobs.begin()), std::move_iterator(plan.jobs.end()));
  is_stale_ = false;
}

bool JobQueue::is_over_locked() {
  if (ended_) return true;
  if (is_stale_) plan();
  return waiting_.empty() && (running_.empty() || !is_adaptive_);
}

std::optional<Job> JobQueue::take_locked(std::int64_t thread) {
  const auto next =
      std::ranges::find_if(waiting_, [&](const Job& job) { return thread == 0 || !job.takes_longest(); });
  if (next == waiting_.end()) return std::nullopt;
  Job job = std::move(*next);
  waiting_.erase(next);
  running_.insert(job.key);
  progress_.started();
  return job;
}

std::optional<Job> JobQueue::take(std::int64_t thread) {
  std::unique_lock lock(mutex_);
  while (!is_over_locked()) {
    if (std::optional<Job> job = take_locked(thread)) return job;
    changed_.wait(lock);
  }
  return std::nullopt;
}

std::optional<Job> JobQueue::take_now(std::int64_t thread) {
  const std::lock_guard lock(mutex_);
  return is_over_locked() ? std::nullopt : take_locked(thread);
}

bool JobQueue::is_over() {
  const std::lock_guard lock(mutex_);
  return is_over_locked();
}

void JobQueue::finish(const Job& job, RunResult result) {
  store_.add(job.key, std::move(result), job.run.arm.partner);
  progress_.finished();
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
