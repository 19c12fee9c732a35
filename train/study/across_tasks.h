#pragma once

#include <span>
#include <vector>

#include "train/report/summary.h"

namespace lockstep::train {

// How general each tested cause is: its effects over the tasks that it was measured on, and from six on what
// they say of another one (train/statistics/random_effects.h). Nothing of one task.
std::vector<AcrossTasks> across_tasks(std::span<const TaskSummary> tasks);

}  // namespace lockstep::train
