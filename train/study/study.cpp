#include "train/study/study.h"

#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "core/error.h"
#include "core/runtime/system.h"
#include "data/files/atomic_file.h"
#include "train/config/toml.h"
#include "train/config/validate.h"
#include "train/report/verdict_table.h"
#include "train/study/job_queue.h"
#include "train/study/metric.h"
#include "train/study/provenance.h"
#include "train/study/study_results.h"
#include "train/study/study_store.h"
#include "train/study/too_few_seeds.h"
#include "train/text/output.h"
#include "train/training/output_folder.h"

namespace lockstep::train {

namespace {

// Runs what is left on `threads` threads. The first error ends all and is thrown.
void run_jobs(JobQueue& queue, Device device, std::int64_t threads, StudyStore& store, Progress& progress,
              const std::atomic<bool>& stop) {
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto run = [&](const Job& job) {
    const auto& [arm, seed, give_up_above] = job.run;
    progress.started();
    std::optional<RunResult> result = run_arm(
        arm, *job.experiment, seed, device, stop, [&] { progress.stepped(); }, give_up_above);
    if (!result) return;
    store.add(job.key, std::move(*result), arm.partner);
    progress.finished();
  };
  const auto work = [&](bool is_first) {
    try {
      while (const std::optional<Job> job = stop ? std::nullopt : queue.take(is_first)) {
        run(*job);
        queue.done(*job);
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      queue.end();
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
    const bool finished = plan_of(study, designs, store.record().runs).jobs.empty();
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

// Trains what is missing. An error of one run, of any kind, ends the study; what the others have finished is
// saved first.
void run_missing(const StudyConfig& study, const std::vector<Design>& designs, std::int64_t threads,
                 StudyStore& store, const StudyOptions& options, const std::atomic<bool>& stop) {
  Progress progress(static_cast<std::int64_t>(store.record().runs.size()));
  JobQueue queue(study, designs, store, progress);
  try {
    run_jobs(queue, options.device, threads, store, progress, stop);
    store.save();
    progress.close();
  } catch (const std::exception& error) {
    if (store.record().runs.empty()) {
      remove_begun(options.out);
      throw;
    }
    std::string state = "finished runs are in";
    try {
      store.save();
    } catch (const std::exception&) {
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
  for (const ExperimentConfig& experiment : study.experiments) {
    primary_metric(experiment);  // there is one
    check_probes(experiment.probes);
    designs.push_back(design_of(experiment));
  }

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

  run_missing(study, designs, threads, store, options, stop);
  if (stop) return StudyEnd::stopped;

  const StudySummary summary = write_results(store.record(), options.out);
  store.finish(summary);
  print_verdict(summary);
  for (const std::string& warning : warnings) show("{}\n", warning);
  return StudyEnd::finished;
}

}  // namespace lockstep::train
