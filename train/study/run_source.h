#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "train/study/plan.h"

namespace lockstep::train {

// Hands out the runs of a study and takes what comes of them: the queue of this process
// (train/study/job_queue.h) or, over messages, that of another one (train/mpi/). Thread-safe.
class RunSource {
 public:
  virtual ~RunSource() = default;
  // The next run for a training thread, 0 being the first, once there is one; nothing when there will be
  // none.
  virtual std::optional<Job> take(std::int64_t thread) = 0;
  // What came of a run that was taken.
  virtual void finish(const Job& job, RunResult result) = 0;
  // As runs go on.
  virtual void stepped(std::int64_t steps) = 0;
  // No run is handed out any more.
  virtual void end() = 0;
};

// Makes one run, see run_arm(): from its identity to its result, or nothing if `stop` was set meanwhile.
using MakeRun = std::function<std::optional<RunResult>(const Job& job, const std::atomic<bool>& stop,
                                                       const std::function<void()>& on_step)>;
MakeRun on_device(Device device);

// How many trainings fill a device, of the CPU one for each core.
std::int64_t trainings_at_once(Device device);

// Makes runs on `threads` threads until the source has none left or `stop` is set. The calling thread does
// `beside` meanwhile, if that is given. The first error ends all, once every thread has finished its run, and
// is thrown.
void make_runs(RunSource& source, const MakeRun& make_run, std::int64_t threads,
               const std::atomic<bool>& stop, const std::function<void()>& beside = {});

}  // namespace lockstep::train
