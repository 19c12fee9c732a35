#pragma once

#include <nlohmann/json.hpp>

#include "optim/factory.h"

namespace lockstep::conformance {

// An optimizer's options from a JSON object.
optim::Settings settings_from(const nlohmann::json& options);

}  // namespace lockstep::conformance
