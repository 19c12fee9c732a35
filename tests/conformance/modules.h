#pragma once

#include <functional>
#include <map>
#include <vector>

#include "nn/scope.h"
#include "tests/conformance/case.h"

// Modules by PyTorch's and MONAI's names and options, as the fixtures name them.
namespace lockstep::conformance {

using Inputs = std::map<std::string, Tensor>;

struct BuiltModule {
  // From the inputs by name to all outputs.
  std::function<std::vector<Tensor>(const Inputs&)> run;
  // The attention weights that were saved in the last call, if the module has such.
  std::function<Tensor()> saved_attention = {};
};

// Throws for an unknown kind or option.
BuiltModule build_module(const Scope& scope, const std::string& kind, const nlohmann::json& config);
std::vector<std::string> module_kinds();

}  // namespace lockstep::conformance
