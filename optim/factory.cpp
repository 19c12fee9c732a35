#include "optim/factory.h"

#include <algorithm>
#include <cctype>

#include "core/joined.h"
#include "optim/optim.h"

namespace lockstep::optim {

namespace {

const RegisteredOptimizer& find(const std::string& name) {
  const auto& all = Registry<RegisteredOptimizer>::all();
  const auto found = std::ranges::find(all, lower_case(name), &RegisteredOptimizer::name);
  if (found != all.end()) return *found;
  fail("there is no optimizer \"{}\"; there are {}", name, joined(optimizer_names()));
}

}  // namespace

std::string lower_case(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const ParameterList& parameters,
                                          const Settings& settings) {
  return make_optimizer(name, {{parameters, settings}});
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const std::vector<SettingsGroup>& groups) {
  const RegisteredOptimizer& optimizer = find(name);
  return optimizer.make(optimizer.name, groups);
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const RegisteredOptimizer& optimizer : Registry<RegisteredOptimizer>::all())
    names.push_back(optimizer.name);
  std::ranges::sort(names);
  return names;
}

Settings default_settings(const std::string& name) { return find(name).defaults(); }

bool couples_rows(const std::string& name) { return find(name).couples_rows; }

}  // namespace lockstep::optim
