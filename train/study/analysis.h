#pragma once

#include <vector>

#include "train/report/summary.h"
#include "train/study/design.h"
#include "train/study/run.h"

namespace lockstep::train {

// From runs to verdicts: pairs them by seed, judges every contrast, puts the answer in words.
StudySummary analyse(const StudyConfig& study, const std::vector<Design>& designs, const RunResults& results);

// The arms, the runs one by one, and what the probes measured of them, for the tables.
std::vector<RunRow> run_rows(const StudyConfig& study, const std::vector<Design>& designs,
                             const RunResults& results);
std::vector<ArmRow> arm_rows(const StudyConfig& study, const std::vector<Design>& designs);
std::vector<ProbeRow> probe_rows(const StudyConfig& study, const RunResults& results);

}  // namespace lockstep::train
