#include "train/mpi/ranks.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/joined.h"
#include "core/runtime/system.h"
#include "train/config/toml.h"
#include "train/study/provenance.h"
#include "train/text/numbers.h"
#include "train/text/output.h"

namespace lockstep::train::mpi {

// Open MPI and Slurm bind ranks to cores, each to its own or several to the same: all that they may use is
// shared.
std::int64_t threads_of_rank(const Messenger& messenger, Device device) {
  if (device != Device::cpu) return trainings_at_once(device);
  const double quota = system_info().cpu_quota;
  std::int64_t cores = messenger.cores_here();
  if (quota > 0) cores = std::min(cores, static_cast<std::int64_t>(quota));
  const std::int64_t ranks = messenger.ranks_here();
  return std::max<std::int64_t>(cores / ranks + (messenger.rank_here() < cores % ranks), 1);
}

Ranks::Ranks(Messenger& messenger, std::string program, MakeRuns make_runs)
    : messenger_(messenger), program_(std::move(program)), make_runs_(std::move(make_runs)) {}

std::string Ranks::description() const { return count(messenger_.ranks(), "rank"); }

std::string Ranks::name_of(int rank) const {
  return fmt::format("rank {} on {}", rank, known_.at(rank).host);
}

// All ranks say who they are as they start.
void Ranks::meet() {
  while (std::ssize(known_) + 1 < messenger_.ranks()) {
    const Letter letter = messenger_.wait();
    known_[letter.rank] = message_from<Hello>(letter.bytes);
  }
  std::vector<std::string> others;
  for (const auto& [rank, hello] : known_) {
    if (hello.program != program_) others.push_back(fmt::format("{} {}", name_of(rank), hello.program));
  }
  check(others.empty(), "all ranks must run one Lockstep: rank 0 on {} runs {}, but {}", messenger_.host(),
        program_, joined(others, ", "));
}

void Ranks::say_processors() const {
  std::map<std::string, int> ranks;
  ++ranks[processor_of(Device::cpu)];
  for (const auto& [rank, hello] : known_) ++ranks[hello.processor];
  if (ranks.size() < 2) return;
  std::vector<std::string> words;
  for (const auto& [processor, n] : ranks)
    words.push_back(fmt::format("{} ({})", processor, count(n, "rank")));
  say("Processors differ: {}. Runs are equal bit for bit on equal ones alone; each says by which it was "
      "made\n",
      joined(words));
}

void Ranks::begin(const StudyConfig& study, Device device) {
  meet();
  say_processors();
  const std::string begin =
      bytes_of(Begin{.study = to_toml(study), .device = device, .threads = study.threads});
  for (int rank = 1; rank < messenger_.ranks(); ++rank) messenger_.send(rank, begin);
}

void Ranks::answer(const Letter& letter, JobQueue& queue) {
  switch (kind_of(letter.bytes)) {
    case Kind::request:
      idle_.emplace_back(letter.rank, message_from<Request>(letter.bytes).thread);
      return;
    case Kind::result: {
      Result result = message_from<Result>(letter.bytes);
      const auto job = busy_.extract(result.run);
      check(!job.empty(), "{} sent a run that it was not asked for", name_of(letter.rank));
      queue.stepped(std::ssize(result.result.losses));
      queue.finish(job.mapped(), std::move(result.result));
      return;
    }
    case Kind::failure:
      fail("{}: {}", name_of(letter.rank), message_from<Failure>(letter.bytes).what);
    default:
      fail("{} sent what nobody expects", name_of(letter.rank));
  }
}

void Ranks::hand_out(JobQueue& queue) {
  for (auto thread = idle_.begin(); thread != idle_.end();) {
    std::optional<Job> job = queue.take_now(thread->second);
    if (!job) {
      ++thread;  // it is a later thread of its rank, or there is none for anybody
      continue;
    }
    messenger_.send(thread->first, bytes_of(Order{thread->second, job->key.experiment, job->run}));
    busy_.emplace(job->key, *job);
    thread = idle_.erase(thread);
  }
}

void Ranks::serve(JobQueue& queue, const std::atomic<bool>& stop) {
  while (!stop && !(queue.is_over() && busy_.empty())) {
    const std::optional<Letter> letter = messenger_.receive();
    if (letter) answer(*letter, queue);
    hand_out(queue);
    if (!letter) messenger_.sleep();
  }
}

void Ranks::quit(int code) {
  for (int rank = 1; rank < messenger_.ranks(); ++rank) messenger_.send(rank, bytes_of(Quit{code}));
}

}  // namespace lockstep::train::mpi
