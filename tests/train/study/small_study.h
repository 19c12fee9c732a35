#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lockstep::train {

// A study of some forty runs of a few milliseconds each, as a study file. Some runs reach the threshold,
// some do not.
extern const std::string small_study;

// What decides in the files of a finished study, as text: all numbers of study.h5, runs.csv, probes.csv and
// contrasts.csv, bit for bit, without times, dates and the command.
std::string numbers_of(const std::filesystem::path& out);

// How many finished runs a study.h5 holds. Throws if it cannot be read.
std::size_t runs_in(const std::filesystem::path& file);

// The files in a folder, hidden ones too.
std::vector<std::string> names_in(const std::filesystem::path& folder);

}  // namespace lockstep::train
