#pragma once

#include <string>
#include <vector>

#include "train/report/panels.h"
#include "train/report/summary.h"

namespace lockstep::train {

// Where and in what the arms of each contrast part: their paired curves with the bands that hold them whole.
// For each contrast the loss, and a panel for each probe of whose numbers one parts. Empty where there is
// nothing to draw.
std::string why_figure(const TaskSummary& task);

// All panels of it, contrast by contrast.
std::vector<Panel> why_panels(const TaskSummary& task);

}  // namespace lockstep::train
