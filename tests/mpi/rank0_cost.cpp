// What rank 0 does for a run, in microseconds, with the runs of a real study: rank0_cost STUDY_FOLDER [RUNS]
// The messages' own way is measured by ping-pong, where there are two ranks: mpirun -n 2 rank0_cost ...
// tests/mpi/scaling.py simulates more ranks with these numbers.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "train/mpi/messages.h"
#include "train/mpi/messenger.h"
#include "train/study/job_queue.h"

namespace {

using namespace lockstep::train;
namespace fs = std::filesystem;

double seconds_of(auto&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

mpi::Letter next(mpi::Messenger& messenger) {  // without the sleep of Messenger::wait(): the way alone
  while (true)
    if (std::optional<mpi::Letter> letter = messenger.receive()) return std::move(*letter);
}

void ping_pong(mpi::Messenger& messenger, const std::string& result) {
  constexpr int times = 2'000;
  const double seconds = seconds_of([&] {
    for (int i = 0; i < times; ++i) {
      if (messenger.rank() == 1) messenger.send(0, result);
      next(messenger);
      if (messenger.rank() == 0) messenger.send(1, "order");
    }
  });
  if (messenger.rank() == 0) fmt::print("result there and order back  {:8.1f} us\n", 1e6 * seconds / times);
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
    if ((i + 1) % (runs / 4) == 0)
      fmt::print("study.h5 of {:6} runs        {:8.1f} ms\n", i + 1, 1e3 * seconds_of([&] { store.save(); }));
  }
  const double us = 1e6 / static_cast<double>(runs);
  fmt::print("take {:.1f}, pack {:.1f}, unpack {:.1f}, insert {:.1f}: in all {:6.1f} us a run\n", us * take,
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
  if (messenger.ranks() == 2) ping_pong(messenger, results.front());
  if (messenger.rank() > 0) return 0;
  fmt::print("a result, mean of {:4}        {:8.1f} KiB\n", results.size(),
             static_cast<double>(bytes) / 1024 / static_cast<double>(results.size()));
  const fs::path file = fs::temp_directory_path() / fmt::format("rank0_cost_{}.h5", getpid());
  measure_queue(config_of(record, folder), results, file, argc > 2 ? std::atoll(argv[2]) : 4'000);
  fs::remove(file);
}
