#pragma once

#include <string>
#include <vector>

#include "optim/schedule.h"
#include "train/config/config.h"

namespace lockstep::train {

// The words of the key `schedule`.
std::vector<std::string> schedule_names();
// The keys that a schedule looks at beside lr and steps: "warmup", "min_lr", ... Throws for an unknown name.
const std::vector<std::string>& schedule_keys(const std::string& name);

// The rate of every group of the optimizer at each step, from the group's own.
optim::Schedule make_schedule(const RunConfig& config);

}  // namespace lockstep::train
