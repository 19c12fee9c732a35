#include "tests/conformance/settings.h"

#include <cmath>

namespace lockstep::conformance {
namespace {

using nlohmann::json;

optim::Setting setting_from(const json& value) {
  if (value.is_null()) return std::monostate();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  std::vector<double> list;
  for (const json& item : value) list.push_back(item.is_null() ? std::nan("") : item.get<double>());
  return list;
}

}  // namespace

optim::Settings settings_from(const json& options) {
  optim::Settings settings;
  for (const auto& [name, value] : options.items()) settings[name] = setting_from(value);
  return settings;
}

}  // namespace lockstep::conformance
