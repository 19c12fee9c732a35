#pragma once

#include <string>

#include "train/report/summary.h"

namespace lockstep::train {

// The data of a task's charts as JSON, as train/report/charts.js reads it. What is not finite becomes null.
std::string chart_data(const TaskSummary& task);

}  // namespace lockstep::train
