#pragma once

#include <memory>
#include <optional>
#include <string>

namespace lockstep::train::mpi {

// A message as bytes (train/mpi/messages.h).
struct Letter {
  int rank = 0;  // from whom
  std::string bytes;
};

// Letters between the processes of an MPI job, which this process is a rank of while the object exists. Where
// something waits, it sleeps: MPI's own waiting takes a whole core from the trainings. One thread, the main
// one, may use it.
class Messenger {
 public:
  Messenger(int& argc, char**& argv);
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;
  // Waits until all that was sent is on its way, and for the other ranks to end as well.
  ~Messenger();

  int rank() const;
  int ranks() const;
  // Among those on this host.
  int rank_here() const;
  int ranks_here() const;
  // That these may run on.
  int cores_here() const;
  std::string host() const;

  void send(int to, std::string bytes);
  // What has come, in the order in which each rank sent it.
  std::optional<Letter> receive();
  // The next one.
  Letter wait();
  // Seconds until it is worth to look again: few after a letter, and up to 2 ms where none comes.
  double pause() const;
  void sleep() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::train::mpi
