// What rank 0 does for a run, in microseconds of processor time, with the runs of a real study:
//   rank0_cost STUDY_FOLDER [RUNS]                the queue, the messages and study.h5
//   mpirun -n 2 rank0_cost STUDY_FOLDER           the way of a message as well
// tests/mpi/scaling.py simulates more ranks with these numbers.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "train/mpi/messages.h"
#include "train/mpi/messenger.h"
#include "train/study/job_queue.h"

namespace {

using namespace lockstep::train;
namespace fs = std::filesystem;

double now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Of this thread: other work on the machine does not count.
double seconds_of(auto&& work) {
  const double start = now(CLOCK_THREAD_CPUTIME_ID);
  work();
  return now(CLOCK_THREAD_CPUTIME_ID) - start;
}

mpi::Letter next(mpi::Messenger& messenger) {  // without the sleep of Messenger::wait(): the way alone
  while (true)
    if (std::optional<mpi::Letter> letter = messenger.receive()) return std::move(*letter);
}

// What MPI's calls for one letter take, and the shortest time that a result and the order in return are on
// their way.
void measure_messages(mpi::Messenger& messenger, const std::string& result) {
  constexpr int times = 2'000;
  const double calls = seconds_of([&] {
    for (int i = 0; i < times; ++i) {
      messenger.send(messenger.rank(), result);
      next(messenger);
    }
  });
  double shortest = 1;
  for (int i = 0; i < times && messenger.ranks() == 2; ++i) {
    const double start = now(CLOCK_MONOTONIC);
    if (messenger.rank() == 1) messenger.send(0, result);
    next(messenger);
    if (messenger.rank() == 0) messenger.send(1, "order");
    shortest = std::min(shortest, now(CLOCK_MONOTONIC) - start);
  }
  if (messenger.rank() > 0) return;
  fmt::print("send and receive a letter of {} bytes: {:.1f} us\n", result.size(), 1e6 * calls / times);
  if (messenger.ranks() == 2)
    fmt::print("a result there and the order back: {:.1f} us at least\n", 1e6 * shortest);
}

// All runs of the study with more seeds, each with the result of one that there is.
void measure_queue(StudyConfig study, const std::vector<std::string>& results, const fs::path& file,
                   std::int64_t runs) {
  std::vector<Design> designs;
  for (ExperimentConfig& experiment : study.experiments) {
    experiment.tune = "off";
    experiment.seeds = most_seeds;
    designs.push_back(design_of(experiment));
  }
  StudyStore store(file, {{"config", ""}}, study);
  Progress progress(0);
  JobQueue queue(study, designs, {}, store, progress);
  double unpack = 0, take = 0, insert = 0, pack = 0;
  for (std::int64_t i = 0; i < runs; ++i) {
    std::optional<Job> job;
    take += seconds_of([&] { job = queue.take_now(0); });
    pack += seconds_of([&] { mpi::bytes_of(mpi::Order{0, job->key.experiment, job->run}); });
    mpi::Result result;
    unpack += seconds_of([&] {
      result = mpi::message_from<mpi::Result>(results[static_cast<std::size_t>(i) % results.size()]);
    });
    insert += seconds_of([&] { store.take_over(job->key, std::move(result.result), job->run.arm.partner); });
    if ((i + 1) % (runs / 4) != 0) continue;
    const double with_new = seconds_of([&] { store.start(); }), again = seconds_of([&] { store.start(); });
    fmt::print("study.h5 of {} runs: {:.1f} us for each new one, {:.2f} us for each there is\n", i + 1,
               4e6 * (with_new - again) / static_cast<double>(runs),
               1e6 * again / static_cast<double>(i + 1));
  }
  fmt::print("in one piece at the end: {:.1f} ms\n", 1e3 * seconds_of([&] { store.save(); }));
  const double us = 1e6 / static_cast<double>(runs);
  fmt::print("take {:.1f}, pack {:.1f}, unpack {:.1f}, store {:.1f}: in all {:.1f} us a run\n", us * take,
             us * pack, us * unpack, us * insert, us * (take + pack + unpack + insert));
}

}  // namespace

int main(int argc, char** argv) {
  mpi::Messenger messenger(argc, argv);
  if (argc < 2) return 2;
  const fs::path folder = argv[1];
  const StudyRecord record = read_study_record(folder / "study.h5");
  std::vector<std::string> results;
  std::size_t bytes = 0;
  for (const auto& [key, run] : record.runs) {
    results.push_back(mpi::bytes_of(mpi::Result{key, run}));
    bytes += results.back().size();
  }
  measure_messages(messenger, results.front());
  if (messenger.rank() > 0) return 0;
  fmt::print("a result, mean of {}: {:.1f} KiB\n", results.size(),
             static_cast<double>(bytes) / 1024 / static_cast<double>(results.size()));
  const fs::path file = fs::temp_directory_path() / fmt::format("rank0_cost_{}.h5", getpid());
  measure_queue(config_of(record, folder), results, file, argc > 2 ? std::atoll(argv[2]) : 4'000);
  fs::remove(file);
}
