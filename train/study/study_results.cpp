#include "train/study/study_results.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/joined.h"
#include "data/files/atomic_file.h"
#include "train/config/toml.h"
#include "train/report/csv.h"
#include "train/report/figures.h"
#include "train/report/report.h"
#include "train/study/analysis.h"
#include "train/study/plan.h"

namespace lockstep::train {

namespace {

// The runs of those seeds that every judged arm has finished, and those that rates were chosen by; with a
// note for each task that lacks some. Where contrasts have their seeds when they are decided, all runs, once
// there is such a seed.
RunResults whole_seeds(const StudyConfig& study, const std::vector<Design>& declared, const RunResults& runs,
                       std::vector<std::string>& notes) {
  const std::vector<Design> designs = with_tuned_rates(study, declared, runs);
  RunResults whole;
  if (study.experiments.front().stopping == "decided" && !plan_of(study, declared, runs).jobs.empty())
    notes.emplace_back("Not finished: some contrasts have fewer seeds than they will get.");
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& experiment = study.experiments[i];
    std::int64_t seeds = 0;
    for (std::int64_t seed = experiment.run.seed; seed < experiment.run.seed + experiment.seeds; ++seed) {
      const auto finished = [&](const Arm& arm) {
        return !arm.judged || info(arm.role).for_probes_alone ||
               seed >= experiment.run.seed + seeds_of(arm, experiment) || runs.contains({i, arm.name, seed});
      };
      if (!std::all_of(designs[i].arms.begin(), designs[i].arms.end(), finished)) continue;
      for (const Arm& arm : designs[i].arms) {
        if (const auto run = runs.find({i, arm.name, seed}); run != runs.end()) whole.insert(*run);
      }
      ++seeds;
    }
    const bool fixed = experiment.stopping == "fixed";
    if (fixed && seeds < experiment.seeds) {
      notes.push_back(fmt::format("Not finished: every arm of the {} task has run with {} of {} seeds.",
                                  experiment.run.task, seeds, experiment.seeds));
    }
    if (seeds == 0) continue;
    for (const auto& [key, run] : runs) {
      if (key.experiment == i && (!fixed || is_tuning_seed(key.seed, experiment))) whole.emplace(key, run);
    }
  }
  return whole;
}

// What the runs say, each word once; what the study says where they say nothing.
std::string of_the_runs(const StudyRecord& record, std::string RunResult::*member,
                        const std::string& of_study) {
  std::set<std::string> words;
  for (const auto& [key, run] : record.runs) {
    if (!(run.*member).empty()) words.insert(run.*member);
  }
  return words.empty() ? of_study : joined(words, "; ");
}

// What the record says about where it comes from.
void describe_origin(StudySummary& summary, const StudyRecord& record) {
  const auto about = [&](const char* name) {
    const auto found = record.about.find(name);
    return found == record.about.end() ? "" : found->second;
  };
  summary.command = about("command");
  summary.version = of_the_runs(record, &RunResult::version, about("version"));
  summary.commit = about("commit");
  summary.machine = of_the_runs(record, &RunResult::processor, about("processor"));
  summary.date = about("date");
  summary.seconds = record.seconds;
  summary.config_toml = about("config");
  for (const auto& [label, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Lockstep", "version"},
           {"commit", "commit"},
           {"processor", "processor"},
           {"cores", "cores"},
           {"trainings at once", "threads"},
           {"system", "system"},
           {"compiler", "compiler"},
           {"BLAS", "blas"},
           {"BLAS kernel", "blas_kernel"},
           {"HDF5", "hdf5"},
       }) {
    const std::string word = name;
    const std::string value = word == "version"     ? summary.version
                              : word == "processor" ? summary.machine
                                                    : std::string(about(name));
    if (!value.empty()) summary.environment.emplace_back(label, value);
  }
}

// A record's study with what its runs say.
struct Judged {
  StudyConfig study;
  std::vector<Design> designs;
  RunResults runs;
  StudySummary summary;
};

Judged judge_record(const StudyRecord& record) {
  Judged all{.study = config_of(record, "study.h5")};
  for (const ExperimentConfig& experiment : all.study.experiments)
    all.designs.push_back(design_of(experiment));
  std::vector<std::string> notes;
  all.runs = whole_seeds(all.study, all.designs, record.runs, notes);
  check(
      !all.runs.empty(),
      "the study holds {} runs, but no seed that every arm has finished: nothing can be compared yet; go on "
      "with --resume",
      record.runs.size());
  all.designs = with_tuned_rates(all.study, all.designs, record.runs);
  all.summary = analyse(all.study, all.designs, all.runs);
  all.summary.notes.insert(all.summary.notes.begin(), notes.begin(), notes.end());
  describe_origin(all.summary, record);
  all.summary.arm_table = arm_rows(all.study, all.designs);
  return all;
}

}  // namespace

StudySummary summary_of(const StudyRecord& record) { return judge_record(record).summary; }

StudySummary write_results(const StudyRecord& record, const std::filesystem::path& out) {
  const auto [study, designs, runs, summary] = judge_record(record);
  data::write_file(out / "runs.csv", runs_csv(run_rows(study, designs, runs)));
  data::write_file(out / "arms.csv", arms_csv(summary.arm_table));
  data::write_file(out / "probes.csv", probes_csv(probe_rows(study, runs)));
  data::write_file(out / "contrasts.csv", contrasts_csv(summary));
  data::write_file(out / "rates.csv", rates_csv(summary));
  data::write_file(out / "bands.csv", bands_csv(summary));
  data::write_file(out / "report.html", report_page(summary));
  std::filesystem::create_directories(out / "figures");
  for (const auto& [name, svg] : figure_files(summary)) data::write_file(out / "figures" / name, svg);
  return summary;
}

}  // namespace lockstep::train
