#pragma once

#include <map>
#include <string>

namespace lockstep::train {

// Name and TOML text of the studies in train/studies/, built into the program.
const std::map<std::string, std::string>& built_in_studies();

}  // namespace lockstep::train
