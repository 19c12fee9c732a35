#include "train/study.h"

#include <exception>
#include <thread>

#include "core/error.h"
#include "core/system.h"
#include "data/atomic_file.h"
#include "train/analysis.h"
#include "train/keys.h"
#include "train/progress.h"
#include "train/study_results.h"
#include "train/study_store.h"
#include "train/verdict_table.h"

namespace lockstep::train {

namespace {

struct Job {
  RunKey key;
  const Arm* arm;
  const ExperimentConfig* experiment;
};

// Seed by seed, so that a study that is stopped early has whole pairs.
std::vector<Job> jobs_of(const StudyConfig& study, const std::vector<Design>& designs,
                         const RunResults& done) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& experiment = study.experiments[i];
    for (std::int64_t seed = experiment.run.seed; seed < experiment.run.seed + experiment.seeds; ++seed) {
      for (const Arm& arm : designs[i].arms) {
        if (seed >= experiment.run.seed + seeds_of(arm, experiment)) continue;
        const RunKey key{i, arm.name, seed};
        if (!done.contains(key)) jobs.push_back({key, &arm, &experiment});
      }
    }
  }
  return jobs;
}

// Runs the jobs on `threads` threads that share nothing but the list. The first error ends them all and is
// thrown.
void run_jobs(const std::vector<Job>& jobs, std::int64_t threads, StudyStore& store, Progress& progress,
              const std::atomic<bool>& stop) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> end = false;
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < jobs.size() && !stop && !end; i = next++) {
        progress.started();
        const Job& job = jobs[i];
        std::optional<RunResult> result =
            run_arm(*job.arm, *job.experiment, job.key.seed, stop, [&] { progress.stepped(); });
        if (!result) return;
        store.add(job.key, std::move(*result), job.arm->weights_partner);
        progress.finished();
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      end = true;
    }
  };
  {
    std::vector<std::jthread> workers;
    for (std::int64_t i = 0; i < threads; ++i) workers.emplace_back(work);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace

StudyEnd run_study(const StudyConfig& study, const StudyOptions& options, const std::atomic<bool>& stop) {
  validate(study);
  std::vector<Design> designs;
  for (const ExperimentConfig& experiment : study.experiments) designs.push_back(design_of(experiment));

  StudyConfig identity = study;
  identity.threads = 0;  // decides nothing but the time it takes
  const std::int64_t threads = study.threads > 0 ? study.threads : usable_cores();
  const std::filesystem::path file = options.out / "study.h5";
  StudyStore store(file, study_attributes(study, to_toml(identity), options.command, threads), study);
  if (std::filesystem::exists(file)) {
    store.resume();
    check(options.resume,
          "{} already holds {} runs of this study: add --resume to go on, or choose another --out",
          options.out.string(), store.record().runs.size());
  }
  std::filesystem::create_directories(options.out);
  data::write_file(options.out / "study.toml", to_toml(study));

  const auto before = static_cast<std::int64_t>(store.record().runs.size());
  const std::vector<Job> jobs = jobs_of(study, designs, store.record().runs);
  Progress progress(before + static_cast<std::int64_t>(jobs.size()), before);
  run_jobs(jobs, std::min<std::int64_t>(threads, std::max<std::size_t>(jobs.size(), 1)), store, progress,
           stop);
  store.save();
  progress.close();
  if (stop) return StudyEnd::stopped;

  print_verdict(stdout, write_results(store.record(), options.out));
  return StudyEnd::finished;
}

}  // namespace lockstep::train
