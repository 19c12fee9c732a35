#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "train/study/job_queue.h"

namespace lockstep::train {

// Other processes that make runs of a study together with this one (train/mpi/).
class Crew {
 public:
  virtual ~Crew() = default;
  // Trainings at once that each process can do, where the study does not say how many.
  virtual std::int64_t threads(Device device) const = 0;
  // "8 ranks on 2 hosts".
  virtual std::string description() const = 0;
  // How this process makes a run.
  virtual MakeRun make_run(Device device) const { return on_device(device); }
  // Sends them the study. Throws where one of them cannot take part.
  virtual void begin(const StudyConfig& study, Device device) = 0;
  // Hands them runs out of the queue and puts in it what comes of them, until there are no more or `stop` is
  // set. Throws what goes wrong in one of them.
  virtual void serve(JobQueue& queue, const std::atomic<bool>& stop) = 0;
};

}  // namespace lockstep::train
