#pragma once

#include <memory>

#include "core/registry.h"
#include "optim/rule.h"

namespace lockstep::optim {

// Parameters with the settings that they are stepped by.
struct SettingsGroup {
  ParameterList parameters;
  Settings settings;
};

// An optimizer as the factory (optim/factory.h) makes it.
struct RegisteredOptimizer {
  std::string name;  // in lower case
  std::unique_ptr<Optimizer> (*make)(const std::string& name, const std::vector<SettingsGroup>& groups);
  Settings (*defaults)();
  bool couples_rows;
};

std::string lower_case(std::string name);

// An object of this type beside an optimizer registers it wherever its header is included.
template <typename Kind>
struct Registered : Registry<RegisteredOptimizer>::Entry {
  using Options = typename Kind::Options;
  Registered()
      : Entry({lower_case(Options::name), make, default_settings<Options>, couples_rows<Options>()}) {}

 private:
  static std::unique_ptr<Optimizer> make(const std::string& name, const std::vector<SettingsGroup>& groups) {
    typename Kind::Groups typed;
    for (const auto& [parameters, settings] : groups)
      typed.push_back({parameters, options_from<Options>(name, settings)});
    return std::make_unique<Kind>(typed);
  }
};

}  // namespace lockstep::optim
