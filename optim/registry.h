#pragma once

#include <memory>

#include "core/registry.h"
#include "optim/grouped.h"

namespace lockstep::optim {

// Parameters with the settings that they are stepped by.
struct SettingsGroup {
  ParameterList parameters;
  Settings settings;
};

// What the factory knows of an optimizer.
struct RegisteredOptimizer {
  std::string name;  // in lower case
  std::unique_ptr<Optimizer> (*make)(const std::string& name, const std::vector<SettingsGroup>& groups);
  Settings (*defaults)();
  bool couples_rows;
};

std::string lower_case(std::string name);

template <typename Kind>
std::unique_ptr<Optimizer> make(const std::string& name, const std::vector<SettingsGroup>& groups) {
  typename Kind::Groups typed;
  for (const auto& [parameters, settings] : groups) {
    typed.push_back({parameters, options_from<typename Kind::Options>(name, settings)});
  }
  return std::make_unique<Kind>(typed);
}

// An object of this type beside an optimizer makes it known to the factory (optim/factory.h) wherever its
// header is included.
template <typename Kind>
struct Registered : Registry<RegisteredOptimizer>::Entry {
  using Options = typename Kind::Options;
  Registered()
      : Entry({lower_case(Options::name), make<Kind>, [] { return settings_of(Options()); },
               couples_rows<Options>()}) {}
};

}  // namespace lockstep::optim
