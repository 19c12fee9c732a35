#pragma once

#include <string>

#include "train/config/config.h"

namespace lockstep::train {

// Reads a study file: a TOML table of the keys in train/config/key.h. Throws with file, line and the nearest
// known key for an unknown one, and with the expected type for a wrong one.
StudyConfig read_study(const std::string& path);
// `origin` stands for the file in errors.
StudyConfig parse_study(const std::string& text, const std::string& origin);
RunConfig parse_run(const std::string& text, const std::string& origin);

// The complete file that gives this configuration again, with a comment on every key.
std::string to_toml(const StudyConfig& study);
std::string to_toml(const RunConfig& run);

}  // namespace lockstep::train
