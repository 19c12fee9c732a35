#pragma once

#include <string>

#include "train/report/summary.h"

// The numbers of a task as HTML tables, which fold away.
namespace lockstep::train {

// The arms and what each is, before anything names one.
std::string arms_list(const TaskSummary& task);

std::string contrast_tables(const TaskSummary& task);
// The effect at every rate of the grid, of each contrast at tuned learning rates.
std::string rate_tables(const TaskSummary& task);
std::string arms_table(const TaskSummary& task);
std::string probe_tables(const TaskSummary& task);

}  // namespace lockstep::train
