#include "optim/factory.h"

#include <algorithm>
#include <cctype>

#include "optim/adadelta.h"
#include "optim/adafactor.h"
#include "optim/adagrad.h"
#include "optim/adamax.h"
#include "optim/adamw.h"
#include "optim/composite.h"
#include "optim/lamb.h"
#include "optim/lars.h"
#include "optim/nadam.h"
#include "optim/radam.h"
#include "optim/rmsprop.h"
#include "optim/rprop.h"
#include "optim/sgd.h"

namespace lockstep::optim {

namespace {

using Groups = std::vector<SettingsGroup>;

struct Rule {
  std::string name;
  std::unique_ptr<Optimizer> (*make)(const std::string& name, const Groups& groups);
  Settings (*defaults)();
};

template <typename Kind>
Rule rule(const char* name) {
  using Options = typename Kind::Options;
  const auto make = [](const std::string& rule_name, const Groups& groups) -> std::unique_ptr<Optimizer> {
    typename Kind::Groups typed;
    for (const auto& [parameters, settings] : groups) {
      typed.push_back({parameters, options_from<Options>(rule_name, settings)});
    }
    return std::make_unique<Kind>(typed);
  };
  return {name, make, [] { return settings_of(Options{}); }};
}

constexpr std::string_view adam_prefix = "adam.";

std::unique_ptr<Optimizer> make_muon_with_adam(const std::string& name, const Groups& groups) {
  check(groups.size() == 1, "[{}] makes its own groups: give it one, not {}", name, groups.size());
  Settings muon, adam;
  for (const auto& [key, value] : groups[0].settings) {
    key.starts_with(adam_prefix) ? adam[key.substr(adam_prefix.size())] = value : muon[key] = value;
  }
  return muon_with_adam(groups[0].parameters, options_from<MuonOptions>(name, muon),
                        options_from<AdamOptions>(name + ", " + std::string(adam_prefix), adam));
}

Settings muon_with_adam_defaults() {
  Settings all = settings_of(MuonOptions{});
  for (const auto& [key, value] : settings_of(AdamOptions{})) all[std::string(adam_prefix) + key] = value;
  return all;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      rule<SGD>("sgd"),
      rule<Adam>("adam"),
      rule<AdamW>("adamw"),
      rule<Adamax>("adamax"),
      rule<NAdam>("nadam"),
      rule<RAdam>("radam"),
      rule<RMSprop>("rmsprop"),
      rule<Adagrad>("adagrad"),
      rule<Adadelta>("adadelta"),
      rule<Rprop>("rprop"),
      rule<Adafactor>("adafactor"),
      rule<Muon>("muon"),
      {"muon+adam", make_muon_with_adam, muon_with_adam_defaults},
      rule<LAMB>("lamb"),
      rule<LARS>("lars"),
  };
  return all;
}

const Rule& find(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const Rule& rule : rules()) {
    if (rule.name == lower) return rule;
  }
  std::string known;
  for (const Rule& rule : rules()) known += (known.empty() ? "" : ", ") + rule.name;
  fail("there is no optimizer \"{}\"; there are {}", name, known);
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const ParameterList& parameters,
                                          const Settings& settings) {
  return make_optimizer(name, {{parameters, settings}});
}

std::unique_ptr<Optimizer> make_optimizer(const std::string& name, const std::vector<SettingsGroup>& groups) {
  const Rule& found = find(name);
  return found.make(found.name, groups);
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Rule& rule : rules()) names.push_back(rule.name);
  return names;
}

Settings default_settings(const std::string& name) { return find(name).defaults(); }

}  // namespace lockstep::optim
