#include "optim/factory.h"

#include <algorithm>
#include <cctype>

#include "optim/optim.h"

namespace lockstep::optim {

namespace {

const std::pair<const std::string, RegisteredOptimizer>& find(const std::string& name) {
  const auto& all = registered_optimizers();
  if (const auto found = all.find(lower_case(name)); found != all.end()) return *found;
  fail("there is no optimizer \"{}\"; there are {}", name, listed(optimizer_names()));
}

}  // namespace

std::map<std::string, RegisteredOptimizer>& registered_optimizers() {
  static std::map<std::string, RegisteredOptimizer> all;
  return all;
}

std::string lower_case(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const ParameterList& parameters,
                                          const Settings& settings) {
  return make_optimizer(name, {{parameters, settings}});
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const std::vector<SettingsGroup>& groups) {
  const auto& [known, optimizer] = find(name);
  return optimizer.make(known, groups);
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const auto& [name, unused] : registered_optimizers()) names.push_back(name);
  return names;
}

Settings default_settings(const std::string& name) { return find(name).second.defaults(); }

bool couples_rows(const std::string& name) { return find(name).second.couples_rows; }

}  // namespace lockstep::optim
