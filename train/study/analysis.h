#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/report/summary.h"
#include "train/study/arm.h"
#include "train/study/study_store.h"

namespace lockstep::train {

// From runs to verdicts: pairs them by seed, judges every contrast, puts the answer in words.
StudySummary analyse(const StudyConfig& study, const std::vector<Design>& designs, const RunResults& results);

// A sentence for every experiment whose seeds are too few for any verdict.
std::vector<std::string> too_few_seeds(const StudyConfig& study, const std::vector<Design>& designs);

std::vector<RunRow> run_rows(const StudyConfig& study, const std::vector<Design>& designs,
                             const RunResults& results);

// The time now: "2026-01-31T12:00:00Z".
std::string date_now();

// What study.h5 says about itself (StudyRecord::about): configuration, command, version, machine, libraries
// and the time now.
std::map<std::string, std::string> study_attributes(const StudyConfig& study, const std::string& config,
                                                    const std::string& command, std::int64_t threads);

}  // namespace lockstep::train
