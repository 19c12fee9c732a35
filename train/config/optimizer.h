#pragma once

#include <memory>
#include <string>
#include <vector>

#include "optim/optimizer.h"
#include "train/config/config.h"

namespace lockstep::train {

// The learning rate of the rule itself: Muon's of the blocks' matrices, any other's of all it updates.
double RunConfig::*learning_rate_of(const std::string& optimizer);

// The rules by one name; "muon" brings Adam for what is no matrix of a block.
std::vector<std::string> optimizer_names();
// Those that look at whole matrices, and have an option for which.
std::vector<std::string> coupling_optimizers();
// Whether the rule's update of a part has a shape of its own under another granularity, not a size alone.
bool reshapes(const std::string& optimizer);

// The keys of optimizers that a rule has: "beta1", "momentum", ...; and all that any has.
std::vector<std::string> optimizer_keys(const std::string& optimizer);
std::vector<std::string> optimizer_keys();

// Throws what the rule refuses (optim/factory.h).
std::unique_ptr<optim::Optimizer> make_optimizer(const RunConfig& config, const ParameterList& parameters);

}  // namespace lockstep::train
