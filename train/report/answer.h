#pragma once

#include <string>

#include "train/report/summary.h"

namespace lockstep::train {

// The box at the top of the page: the title's answer, what makes a difference and by how much, for which
// setting.
std::string answer_box(const StudySummary& study);

}  // namespace lockstep::train
