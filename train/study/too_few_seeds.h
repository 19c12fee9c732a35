#pragma once

#include <string>
#include <vector>

#include "train/study/design.h"

namespace lockstep::train {

// A sentence for every experiment whose seeds are too few for any verdict.
std::vector<std::string> too_few_seeds(const StudyConfig& study, const std::vector<Design>& designs);

}  // namespace lockstep::train
