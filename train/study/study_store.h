#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "data/files/hdf5.h"
#include "train/report/summary.h"
#include "train/study/run.h"

namespace lockstep::train {

// What study.h5 holds.
struct StudyRecord {
  std::map<std::string, std::string> about;  // config (TOML), question, command, date, version, ...
  double seconds = 0;                        // wall time, over all sessions
  RunResults runs;
};

// Throws if the file is no study of this version. Each run says by which version and processor it was made.
StudyRecord read_study_record(const std::filesystem::path& file);
// Its configuration, held to the same rules as a study's TOML file.
StudyConfig config_of(const StudyRecord& record, const std::filesystem::path& file);

// study.h5: the configuration and every finished run. It is rewritten to the side and renamed, so that it can
// be read at any moment and is whole at any moment. Layout:
//   /                       attributes: format, wall_seconds, and StudyRecord::about, each under its name
//   /arms                   the arms as columns, each an attribute named as in arms.csv; those at tuned
//                           rates once the study is finished
//   /experiments/0          attributes: task, and what each metric is
//   /experiments/0/A0/00007 the run of arm A0 with seed 7: loss (steps), and as attributes each metric under
//                           its key (NaN where the run ended without it), diverged, seconds, parameters,
//                           fingerprint
//   .../probes/KEY          of a run, what a probe gave: steps (n), values (n, names), the attribute names,
//                           and snapshot/: what it holds until the run that it is compared with is there
//   /probes/KEY             attributes: label, unit, formula and source of a probe
//   /contrasts/000          of a finished study: what was compared and what came of it, attributes that are
//                           named as the columns of contrasts.csv, differences (pairs), and of one at tuned
//                           learning rates rates/: the columns of rates.csv
class StudyStore {
 public:
  // `about` is written to the root; its "config" identifies the study.
  StudyStore(std::filesystem::path file, std::map<std::string, std::string> about, const StudyConfig& study);

  // Takes over what the file holds: the runs, the time they took, and with which command and when the study
  // was begun. Throws if it is not a study file, or that of another configuration, and says in what they
  // differ. Says it where another version or processor goes on; each run keeps its own.
  void resume();
  // Begins the file.
  void start();
  // Takes over a run of another file, which says by what it was made: see StudyRecord::runs. The file is not
  // written. `partner` as below.
  void take_over(const RunKey& key, RunResult result, const std::string& partner);
  // Counts time that other sessions took.
  void count(double seconds) { record_.seconds += seconds; }
  // Adds a finished run, by this version and processor where it does not say by which. The file follows at
  // once, or within a second where runs finish faster: writing takes little of the time. `partner` is the arm
  // whose runs it is compared with, or empty.
  void add(const RunKey& key, RunResult result, const std::string& partner);
  void save();
  // Writes the file with the verdicts, as that of a finished study.
  void finish(const StudySummary& summary);
  // What `use` makes of the runs, also while other threads add.
  auto with_runs(auto use) const {
    const std::lock_guard lock(mutex_);
    return use(record_.runs);
  }
  // Not while other threads add.
  const StudyRecord& record() const { return record_; }

 private:
  void insert_locked(const RunKey& key, RunResult result, const std::string& partner);
  void begin_locked();
  void write_locked(const StudySummary* summary = nullptr);

  std::filesystem::path file_;
  const StudyConfig& study_;
  std::vector<ArmRow> declared_arms_;
  mutable std::mutex mutex_;
  StudyRecord record_;
  // The file as it was last written, and the runs that are not in it as they are now: a run is put into it
  // once, not again whenever one more has ended.
  std::optional<h5::File> written_;
  std::set<RunKey> changed_;
  double counted_until_;   // on the steady clock: what record_.seconds includes
  double written_at_ = 0;  // the same clock
  double pause_ = 0;       // seconds until the file is written again
};

}  // namespace lockstep::train
