#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "core/runtime/device.h"
#include "train/config/config.h"
#include "train/study/crew.h"
#include "train/study/share.h"

namespace lockstep::train {

// How a study is run; what is run says its configuration.
struct StudyOptions {
  std::filesystem::path out;
  bool resume = false;
  Device device = Device::cpu;
  Share share;
  Crew* crew = nullptr;         // others that take part
  std::filesystem::path rates;  // the folder that a part of a study has its learning rates from; empty: none
  std::string command;          // as typed, to be written down
  std::string go_on;            // the command that resumes the study, shown where it ends early
};

enum class StudyEnd { finished, stopped };

// Runs every arm and seed of the study on the device, one thread each, judges the contrasts, prints the
// verdict and writes into `out`: study.h5, study.toml, the tables (csv) and report.html; of a share that is
// not the whole study, study.h5 and study.toml alone. Runs that study.h5 already holds are not repeated when
// resuming; without `resume` an `out` that holds a study is an error. Setting `stop` ends the study soon.
// However it ends, finished runs are saved, and study.h5 and study.toml are whole. An error before the first
// run has finished leaves no file.
StudyEnd run_study(const StudyConfig& study, const StudyOptions& options, const std::atomic<bool>& stop);

}  // namespace lockstep::train
