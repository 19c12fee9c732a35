#pragma once

#include <string>
#include <vector>

#include "optim/schedule.h"
#include "train/config/config.h"

namespace lockstep::train {

std::vector<std::string> schedule_names();
// The keys that a schedule looks at beside lr and steps: "warmup", "min_lr", ...
const std::vector<std::string>& schedule_keys(const std::string& name);

// A factor for the rate of every group of the optimizer.
optim::Schedule make_schedule(const RunConfig& config);

}  // namespace lockstep::train
