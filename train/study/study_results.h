#pragma once

#include <filesystem>

#include "train/report/summary.h"
#include "train/study/study_store.h"

namespace lockstep::train {

// Judges what study.h5 holds. Of a study that is not finished, the seeds that every arm of a task has
// finished count; throws if there are none.
StudySummary summary_of(const StudyRecord& record);
// The same, written into `out` as runs.csv, contrasts.csv, rates.csv, bands.csv, arms.csv, probes.csv,
// report.html and the charts, figures/*.svg.
StudySummary write_results(const StudyRecord& record, const std::filesystem::path& out);

}  // namespace lockstep::train
