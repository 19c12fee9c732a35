#pragma once

#include "optim/registry.h"

namespace lockstep::optim {

// An optimizer by its name, in any case ("adamw", "AdamW"), for command lines and study files. "muon+adam" is
// Muon for the matrices of a model's blocks and Adam for all else, whose settings begin with "adam.": {"lr",
// 0.01}, {"adam.lr", 1e-3}. Throws for an unknown name, an unknown setting or one of another type, and says
// which there are.
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const ParameterList& parameters,
                                          const Settings& settings = {});
std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const std::vector<SettingsGroup>& groups);

// All names, in alphabetical order, and all settings of one with their defaults.
std::vector<std::string> optimizer_names();
Settings default_settings(const std::string& name);
// Whether the rule looks at whole matrices: its options say by which rows (a Granularity).
bool couples_rows(const std::string& name);

}  // namespace lockstep::optim
