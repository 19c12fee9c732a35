#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <set>

#include "train/study/plan.h"
#include "train/study/study_store.h"
#include "train/text/progress.h"

namespace lockstep::train {

// The runs of a study for threads that share them. What comes next depends on what came out, but never on the
// order in which it did.
class JobQueue {
 public:
  JobQueue(const StudyConfig& study, const std::vector<Design>& designs, StudyStore& store,
           Progress& progress);

  // The next run, once there is one; nothing when all are done or the queue was ended. Runs in f64 are the
  // first thread's alone: two of them at a time would be the study's peak of memory.
  std::optional<Job> take(bool is_first_thread);
  // After its result is in the store, or there is none.
  void done(const Job& job);
  void end();

 private:
  void plan();

  const StudyConfig& study_;
  const std::vector<Design>& designs_;
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
