#include "train/study/study.h"

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "core/error.h"
#include "core/runtime/system.h"
#include "data/files/atomic_file.h"
#include "train/config/toml.h"
#include "train/config/validate.h"
#include "train/report/verdict_table.h"
#include "train/study/job_queue.h"
#include "train/study/merge.h"
#include "train/study/metric.h"
#include "train/study/provenance.h"
#include "train/study/study_results.h"
#include "train/study/study_store.h"
#include "train/study/too_few_seeds.h"
#include "train/text/numbers.h"
#include "train/text/output.h"
#include "train/training/output_folder.h"

namespace lockstep::train {

namespace {

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

// The runs that learning rates are chosen by, from the folder where they were made.
void take_rates(StudyStore& store, const StudyConfig& study, const std::vector<Design>& designs,
                const std::filesystem::path& folder) {
  if (folder.empty()) return;
  StudyRecord record = read_study_record(folder / "study.h5");
  std::erase_if(record.runs, [&](const auto& run) {
    const RunKey& key = run.first;
    return key.experiment >= study.experiments.size() ||
           !is_tuning_seed(key.seed, study.experiments[key.experiment]);
  });
  take_runs(store, study, designs, std::move(record), folder);
}

// Takes over what `out` holds of this study. Nothing is written yet. A finished one only says its verdict
// again.
void take_over(StudyStore& store, const StudyConfig& study, const std::vector<Design>& designs,
               const StudyOptions& options, const OutputFolder& folder) {
  const std::filesystem::path settings = options.out / "study.toml";
  if (std::filesystem::exists(options.out / "study.h5")) {
    store.resume();
    take_rates(store, study, designs, options.rates);
    const bool finished = plan_of_share(options.share, study, designs, store.record().runs).jobs.empty();
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
  take_rates(store, study, designs, options.rates);
  plan_of_share(options.share, study, designs, store.record().runs);  // there is one
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
  JobQueue queue(study, designs, options.share, store, progress);
  try {
    if (Crew* const crew = options.crew) {
      crew->begin(study, options.device);
      make_runs(queue, crew->make_run(options.device), threads, stop, [&] { crew->serve(queue, stop); });
    } else {
      make_runs(queue, on_device(options.device), threads, stop);
    }
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

void show_share(const StudyOptions& options, const StudyConfig& study, const RunResults& done) {
  const auto own =
      std::ranges::count_if(done, [&](const auto& run) { return options.share.has(run.first, study); });
  const std::string folder = options.out.string();
  if (options.share.kind == Share::Kind::rates) {
    show("Learning rates: {} in {}. Go on with --shard 1/N --rates {}\n",
         own > 0 ? "chosen by " + count(own, "run") : "none to choose, no run", folder, folder);
  } else if (own == 0) {
    show("Shard {} has nothing to train: shards take whole seeds, and this study has fewer\n",
         options.share.text());
  } else {
    show("Shard {} is complete: {} in {}. Once all are there: lockstep merge FOLDER... --out ALL\n",
         options.share.text(), count(own, "run"), folder);
  }
}

}  // namespace

StudyEnd run_study(const StudyConfig& study, const StudyOptions& options, const std::atomic<bool>& stop) {
  validate(study);
  check_share(options.share, study);
  std::vector<Design> designs;
  for (const ExperimentConfig& experiment : study.experiments) {
    primary_metric(experiment);  // there is one
    check_probes(experiment.probes);
    designs.push_back(design_of(experiment));
  }

  const std::int64_t threads = study.threads > 0 ? study.threads
                               : options.crew    ? options.crew->threads(options.device)
                                                 : trainings_at_once(options.device);
  std::map<std::string, std::string> about =
      provenance(study, to_toml(identity(study)), options.command, options.device, threads);
  if (options.crew) about["threads"] += " on each of " + options.crew->description();
  if (!options.share.is_whole()) about["shard"] = options.share.text();
  StudyStore store(options.out / "study.h5", std::move(about), study);
  const OutputFolder folder(options.out);  // study.h5 is read under its lock
  take_over(store, study, designs, options, folder);
  std::vector<std::string> warnings;
  if (options.share.is_whole()) warnings = too_few_seeds(study, designs);
  for (const std::string& warning : warnings) say("{}\n", warning);
  store.start();
  data::write_file(options.out / "study.toml", to_toml(study));

  run_missing(study, designs, threads, store, options, stop);
  if (stop) return StudyEnd::stopped;
  if (!options.share.is_whole()) {
    show_share(options, study, store.record().runs);
    return StudyEnd::finished;
  }

  const StudySummary summary = write_results(store.record(), options.out);
  store.finish(summary);
  print_verdict(summary);
  for (const std::string& warning : warnings) show("{}\n", warning);
  return StudyEnd::finished;
}

}  // namespace lockstep::train
