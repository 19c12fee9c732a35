#pragma once

#include <string>
#include <vector>

#include "train/config/config.h"

namespace lockstep::train {

// In which keys two configurations differ, each as "steps: 300, 400". The time a study takes, its question
// and its threads decide no number and count for nothing.
std::vector<std::string> differences(const RunConfig& a, const RunConfig& b);
std::vector<std::string> differences(const ExperimentConfig& a, const ExperimentConfig& b);
std::vector<std::string> differences(const StudyConfig& a, const StudyConfig& b);

}  // namespace lockstep::train
