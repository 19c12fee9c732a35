#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/report/summary.h"

namespace lockstep::train {

// The figures of a task, as parts of the page. Each is empty where there is nothing to draw.
std::string forest_figures(const TaskSummary& task);
std::string pair_figures(const TaskSummary& task);
std::string rate_figure(const TaskSummary& task);
std::string curve_figure(const TaskSummary& task);
std::string distance_figure(const TaskSummary& task);

// The same charts as files of their own, by their names: "copy-effects-1.svg".
std::vector<std::pair<std::string, std::string>> figure_files(const StudySummary& study);

}  // namespace lockstep::train
