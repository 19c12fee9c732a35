#include "train/study/study.h"

#include <algorithm>
#include <exception>
#include <span>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "core/error.h"
#include "core/runtime/system.h"
#include "data/files/atomic_file.h"
#include "train/config/toml.h"
#include "train/config/validate.h"
#include "train/report/verdict_table.h"
#include "train/study/provenance.h"
#include "train/study/study_results.h"
#include "train/study/study_store.h"
#include "train/study/too_few_seeds.h"
#include "train/text/output.h"
#include "train/text/progress.h"
#include "train/training/output_folder.h"

namespace lockstep::train {

namespace {

struct Job {
  RunKey key;
  const Arm* arm;
  const ExperimentConfig* experiment;
};

// In f64.
bool takes_longest(const Job& job) { return info(job.arm->role).for_probes_alone; }

// Seed by seed, so that a study that is stopped early has whole pairs. The runs in f64, which take the
// longest, come first: at the end, the other threads would wait for them.
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
  std::ranges::stable_partition(jobs, takes_longest);
  return jobs;
}

// Runs the jobs on `threads` threads that share the list and the store. Those in f64, at its beginning, are
// the first thread's alone: two of them at a time would be the study's peak of memory. The first error ends
// all and is thrown.
void run_jobs(std::span<const Job> jobs, Device device, std::int64_t threads, StudyStore& store,
              Progress& progress, const std::atomic<bool>& stop) {
  const auto in_f64 = static_cast<std::size_t>(std::ranges::find_if_not(jobs, takes_longest) - jobs.begin());
  std::atomic<std::size_t> next = in_f64;
  std::atomic<bool> end = false;
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto run = [&](const Job& job) {
    progress.started();
    std::optional<RunResult> result =
        run_arm(*job.arm, *job.experiment, job.key.seed, device, stop, [&] { progress.stepped(); });
    if (!result) return;
    store.add(job.key, std::move(*result), job.arm->partner);
    progress.finished();
  };
  const auto work = [&](bool is_first) {
    try {
      for (std::size_t i = 0; is_first && i < in_f64 && !stop && !end; ++i) run(jobs[i]);
      for (std::size_t i = next++; i < jobs.size() && !stop && !end; i = next++) run(jobs[i]);
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      end = true;
    }
  };
  {
    std::vector<std::jthread> workers;
    try {
      for (std::int64_t i = 0; i < threads; ++i) workers.emplace_back(work, i == 0);
    } catch (const std::system_error&) {  // the system has no more: those that there are do it all
    }
    if (workers.empty()) work(true);
  }
  if (error) std::rethrow_exception(error);
}

// A thread waits for its own steps on a GPU, and others' steps fill it meanwhile.
std::int64_t trainings_at_once(Device device) { return device == Device::cpu ? usable_cores() : 32; }

// The settings that decide the numbers.
StudyConfig identity(StudyConfig study) {
  study.threads = 0;
  return study;
}

// A study file that somebody wrote would be lost under the one written here.
void check_study_file(const std::filesystem::path& file, const StudyConfig& study) {
  if (!std::filesystem::exists(file)) return;
  const std::string text = data::read_file(file);
  const StudyConfig there = parse_study(text, file.string());
  check(to_toml(identity(there)) == to_toml(identity(study)) && text == to_toml(there),
        "{} exists, and would be overwritten: choose another --out", file.string());
}

// Takes over what `out` holds of this study. Nothing is written yet. A finished one only says its verdict
// again.
void take_over(StudyStore& store, const StudyConfig& study, const std::vector<Design>& designs,
               const StudyOptions& options, const OutputFolder& folder) {
  const std::filesystem::path settings = options.out / "study.toml";
  if (std::filesystem::exists(options.out / "study.h5")) {
    store.resume();
    const bool finished = jobs_of(study, designs, store.record().runs).empty();
    check(options.resume || finished,
          "{} already holds {} runs of this study: add --resume to go on, or choose another --out",
          options.out.string(), store.record().runs.size());
    return;
  }
  std::error_code error;
  // An empty folder is what a study leaves that was killed as it began.
  const bool begun = std::filesystem::exists(settings) ||
                     (!folder.is_new() && std::filesystem::is_empty(options.out, error));
  check(!options.resume || begun,
        "--resume: there is no study in {}: leave --resume out to begin one, or choose another --out",
        options.out.string());
  check_study_file(settings, study);
}

void remove_begun(const std::filesystem::path& out) {
  std::error_code ignored;
  for (const char* name : {"study.h5", "study.toml"}) std::filesystem::remove(out / name, ignored);
}

// Trains what is missing. An error of one run ends the study; what the others have finished is saved first.
void run_missing(const std::vector<Job>& jobs, std::int64_t threads, StudyStore& store,
                 const StudyOptions& options, const std::atomic<bool>& stop) {
  const auto before = static_cast<std::int64_t>(store.record().runs.size());
  Progress progress(before + static_cast<std::int64_t>(jobs.size()), before);
  try {
    run_jobs(jobs, options.device, threads, store, progress, stop);
    store.save();
    progress.close();
  } catch (const Error& error) {
    if (store.record().runs.empty()) {
      remove_begun(options.out);
      throw;
    }
    std::string state = "finished runs are in";
    try {
      store.save();
    } catch (const Error&) {
      state = "runs that were saved before are in";
    }
    throw std::runtime_error(fmt::format("{}\n{} {}; go on with: {}", error.what(), state,
                                         (options.out / "study.h5").string(), options.go_on));
  }
}

}  // namespace

StudyEnd run_study(const StudyConfig& study, const StudyOptions& options, const std::atomic<bool>& stop) {
  validate(study);
  std::vector<Design> designs;
  for (const ExperimentConfig& experiment : study.experiments) designs.push_back(design_of(experiment));

  const std::int64_t threads = study.threads > 0 ? study.threads : trainings_at_once(options.device);
  StudyStore store(options.out / "study.h5",
                   provenance(study, to_toml(identity(study)), options.command, options.device, threads),
                   study);
  const OutputFolder folder(options.out);  // study.h5 is read under its lock
  take_over(store, study, designs, options, folder);
  const std::vector<std::string> warnings = too_few_seeds(study, designs);
  for (const std::string& warning : warnings) say("{}\n", warning);
  store.start();
  data::write_file(options.out / "study.toml", to_toml(study));

  const std::vector<Job> jobs = jobs_of(study, designs, store.record().runs);
  run_missing(jobs, std::min<std::int64_t>(threads, std::max<std::size_t>(jobs.size(), 1)), store, options,
              stop);
  if (stop) return StudyEnd::stopped;

  const StudySummary summary = write_results(store.record(), options.out);
  store.finish(summary);
  print_verdict(summary);
  for (const std::string& warning : warnings) show("{}\n", warning);
  return StudyEnd::finished;
}

}  // namespace lockstep::train
