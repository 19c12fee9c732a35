#include "train/mpi/messenger.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <list>
#include <thread>

#include "core/error.h"
#include "train/text/clock.h"

namespace lockstep::train::mpi {

namespace {

constexpr int tag = 1;
constexpr std::size_t most_bytes = 1U << 30U;  // MPI counts in int

// On its way: MPI reads or writes the bytes until the request is done.
struct Transfer {
  MPI_Request request = MPI_REQUEST_NULL;
  Letter letter;

  bool is_done() {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  }
};

// The cores that one of the ranks may run on.
int cores_of_all(MPI_Comm ranks) {
  cpu_set_t own, all;
  CPU_ZERO(&own);
  sched_getaffinity(0, sizeof own, &own);
  MPI_Allreduce(&own, &all, sizeof own, MPI_BYTE, MPI_BOR, ranks);
  return std::max(CPU_COUNT(&all), 1);
}

}  // namespace

struct Messenger::State {
  int rank = 0, ranks = 1, rank_here = 0, ranks_here = 1, cores_here = 1;
  std::list<Transfer> sent, coming;
  double last = monotonic_seconds();  // when a letter came or went
};

Messenger::Messenger(int& argc, char**& argv) : state_(std::make_unique<State>()) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &state_->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &state_->ranks);
  MPI_Comm here = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  MPI_Comm_rank(here, &state_->rank_here);
  MPI_Comm_size(here, &state_->ranks_here);
  state_->cores_here = cores_of_all(here);
  MPI_Comm_free(&here);
}

Messenger::~Messenger() {
  while (!state_->sent.empty()) {
    std::erase_if(state_->sent, [](Transfer& transfer) { return transfer.is_done(); });
    sleep();
  }
  MPI_Finalize();
}

int Messenger::rank() const { return state_->rank; }
int Messenger::ranks() const { return state_->ranks; }
int Messenger::rank_here() const { return state_->rank_here; }
int Messenger::ranks_here() const { return state_->ranks_here; }
int Messenger::cores_here() const { return state_->cores_here; }

std::string Messenger::host() const {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int size = 0;
  MPI_Get_processor_name(name.data(), &size);
  return {name.data(), static_cast<std::size_t>(size)};
}

void Messenger::send(int to, std::string bytes) {
  check(bytes.size() < most_bytes, "a run's result takes {} MiB: a message may have 1024",
        bytes.size() >> 20U);
  Transfer& transfer = state_->sent.emplace_back();
  transfer.letter.bytes = std::move(bytes);
  MPI_Isend(transfer.letter.bytes.data(), static_cast<int>(transfer.letter.bytes.size()), MPI_BYTE, to, tag,
            MPI_COMM_WORLD, &transfer.request);
  state_->last = monotonic_seconds();
}

std::optional<Letter> Messenger::receive() {
  std::erase_if(state_->sent, [](Transfer& transfer) { return transfer.is_done(); });
  int there = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status;
  MPI_Improbe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &there, &message, &status);
  if (there != 0) {
    int size = 0;
    MPI_Get_count(&status, MPI_BYTE, &size);
    Transfer& transfer = state_->coming.emplace_back();
    transfer.letter = {status.MPI_SOURCE, std::string(static_cast<std::size_t>(size), '\0')};
    MPI_Imrecv(transfer.letter.bytes.data(), size, MPI_BYTE, &message, &transfer.request);
    state_->last = monotonic_seconds();
  }
  // A large one of a slow rank may take its time, while those of others pass it.
  for (auto transfer = state_->coming.begin(); transfer != state_->coming.end(); ++transfer) {
    const auto is_earlier = [&](const Transfer& other) { return other.letter.rank == transfer->letter.rank; };
    if (std::find_if(state_->coming.begin(), transfer, is_earlier) != transfer || !transfer->is_done())
      continue;
    Letter letter = std::move(transfer->letter);
    state_->coming.erase(transfer);
    return letter;
  }
  return std::nullopt;
}

double Messenger::pause() const {
  const bool busy = !state_->sent.empty() || !state_->coming.empty();
  return busy ? 50e-6 : std::clamp((monotonic_seconds() - state_->last) / 10, 20e-6, 2e-3);
}

void Messenger::sleep() const { std::this_thread::sleep_for(std::chrono::duration<double>(pause())); }

Letter Messenger::wait() {
  while (true) {
    if (std::optional<Letter> letter = receive()) return std::move(*letter);
    sleep();
  }
}

}  // namespace lockstep::train::mpi
