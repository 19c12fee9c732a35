#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/probes/probe.h"

namespace lockstep::train::cli {

// probes.csv of one training: what the probes gave, one number a row, over all sittings.
class ProbeLog {
 public:
  // Without `keys`, nothing is measured or written. A training that goes on after `steps_done` steps keeps
  // what the file says of the steps before.
  ProbeLog(std::filesystem::path file, const std::vector<std::string>& keys, const Training& training);

  // Nothing where nothing is measured.
  UpdateObserver* observer() { return is_on_ ? &probes_ : nullptr; }
  void save() const;

 private:
  std::filesystem::path file_;
  bool is_on_;
  ProbeSet probes_;
  std::string before_;  // rows of earlier sittings
};

}  // namespace lockstep::train::cli
