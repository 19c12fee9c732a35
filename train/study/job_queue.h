#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <set>

#include "train/study/run_source.h"
#include "train/study/share.h"
#include "train/study/study_store.h"
#include "train/text/progress.h"

namespace lockstep::train {

// The runs of a study, or of a share of it, for all that make them, and the store that they go into. What
// comes next depends on what came out, but never on the order in which it did.
class JobQueue final : public RunSource {
 public:
  JobQueue(const StudyConfig& study, const std::vector<Design>& designs, const Share& share,
           StudyStore& store, Progress& progress);

  // Runs in f64 are the first thread's alone: two of them at a time would be the study's peak of memory.
  std::optional<Job> take(std::int64_t thread) override;
  // The same without waiting: a run that can begin now.
  std::optional<Job> take_now(std::int64_t thread);
  // Whether nothing will be there to take any more.
  bool is_over();
  void finish(const Job& job, RunResult result) override;
  void stepped(std::int64_t steps) override { progress_.stepped(steps); }
  void end() override;

 private:
  void plan();
  bool is_over_locked();
  std::optional<Job> take_locked(std::int64_t thread);

  const StudyConfig& study_;
  const std::vector<Design>& designs_;
  const Share share_;
  StudyStore& store_;
  Progress& progress_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Job> waiting_;
  std::set<RunKey> running_;
  bool is_adaptive_;      // a result may change what is left to do
  bool is_stale_ = true;  // `waiting_` is from before the last result
  bool ended_ = false;
};

}  // namespace lockstep::train
