#pragma once

#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "train/mpi/messages.h"
#include "train/mpi/messenger.h"
#include "train/study/crew.h"

namespace lockstep::train::mpi {

// How many trainings at once a rank can do: on the CPU, one for each core of its share of those of its host.
std::int64_t threads_of_rank(const Messenger& messenger, Device device);

// How the runs of a study are made on a device: on_device(), but for tests.
using MakeRuns = std::function<MakeRun(Device)>;

// The other ranks of an MPI job, as rank 0 sees them.
class Ranks : public Crew {
 public:
  // `program`: what this rank runs, and all must.
  Ranks(Messenger& messenger, std::string program, MakeRuns make_runs);

  std::int64_t threads(Device device) const override { return threads_of_rank(messenger_, device); }
  std::string description() const override;
  MakeRun make_run(Device device) const override { return make_runs_(device); }
  void begin(const StudyConfig& study, Device device) override;
  void serve(JobQueue& queue, const std::atomic<bool>& stop) override;
  // The last word to all of them: to stop what they do, and exit with this code.
  void quit(int code);

 private:
  using Thread = std::pair<int, std::int64_t>;  // rank, and one of its threads

  void meet();
  void say_processors() const;
  void answer(const Letter& letter, JobQueue& queue);
  void hand_out(JobQueue& queue);
  std::string name_of(int rank) const;

  Messenger& messenger_;
  std::string program_;
  MakeRuns make_runs_;
  std::map<int, Hello> known_;
  std::list<Thread> idle_;  // those that have asked for a run, in that order
  std::map<RunKey, Job> busy_;
};

}  // namespace lockstep::train::mpi
