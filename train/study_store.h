#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "train/run.h"

namespace lockstep::train {

struct RunKey {
  std::size_t experiment = 0;
  std::string arm;
  std::int64_t seed = 0;
  auto operator<=>(const RunKey&) const = default;
};

using RunResults = std::map<RunKey, RunResult>;

// study.h5: the configuration and every finished run. It is rewritten to the side and renamed, so that it can
// be read at any moment and is whole at any moment. Layout:
//   /                      attributes: format, question, config (TOML), command, version, machine, ...
//   /experiments/0         attributes: task, metrics and their units
//   /experiments/0/A0/7    the run of arm A0 with seed 7: attributes, loss (steps), weights where kept
class StudyStore {
 public:
  // `attributes` are written to the root; "config" identifies the study.
  StudyStore(std::filesystem::path file, std::map<std::string, std::string> attributes,
             const StudyConfig& study);

  // Reads what the file holds. Throws if it is not a study file, or that of another configuration.
  RunResults load() const;
  // Adds a finished run. The file follows at once, or within a second where runs finish faster.
  void add(const RunKey& key, RunResult result);
  void save();
  RunResults take();

 private:
  void write_locked();

  std::filesystem::path file_;
  std::map<std::string, std::string> attributes_;
  const StudyConfig& study_;
  std::mutex mutex_;
  RunResults results_;
  double written_at_ = 0;  // seconds on the steady clock
};

}  // namespace lockstep::train
