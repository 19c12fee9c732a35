#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/study/design.h"
#include "train/study/study_store.h"

namespace lockstep::train {

// Puts the runs of a record, read from `folder`, into a store of the same study. A run that is there already
// must be equal bit for bit. Throws where it is not, or the record is that of another configuration.
void take_runs(StudyStore& store, const StudyConfig& study, const std::vector<Design>& designs,
               StudyRecord record, const std::filesystem::path& folder);

// Makes one study.h5 in `out`, and study.toml, of those in the folders `from` and of one that `out` holds,
// and says which runs are missing and the commands that make them. `command` is what was typed. Throws as
// take_runs() does, and where no folder holds a study; writes nothing then.
void merge_studies(const std::vector<std::filesystem::path>& from, const std::filesystem::path& out,
                   const std::string& command);

}  // namespace lockstep::train
