#pragma once

#include <memory>

#include "optim/grouped.h"

namespace lockstep::optim {

struct SettingsGroup {
  ParameterList parameters;
  Settings settings;
};

// What the factory knows of an optimizer.
struct RegisteredOptimizer {
  std::unique_ptr<Optimizer> (*make)(const std::string& name, const std::vector<SettingsGroup>& groups);
  Settings (*defaults)();
  bool couples_rows;
};

// By name, in lower case.
std::map<std::string, RegisteredOptimizer>& registered_optimizers();
std::string lower_case(std::string name);

// An object of this type beside an optimizer makes it known to the factory (optim/factory.h) wherever its
// header is included.
template <typename Kind>
struct Registered {
  Registered() {
    using Options = typename Kind::Options;
    const auto make = [](const std::string& name,
                         const std::vector<SettingsGroup>& groups) -> std::unique_ptr<Optimizer> {
      typename Kind::Groups typed;
      for (const auto& [parameters, settings] : groups) {
        typed.push_back({parameters, options_from<Options>(name, settings)});
      }
      return std::make_unique<Kind>(typed);
    };
    registered_optimizers().try_emplace(
        lower_case(Options::name),
        RegisteredOptimizer{make, [] { return settings_of(Options()); }, couples_rows<Options>()});
  }
};

}  // namespace lockstep::optim
