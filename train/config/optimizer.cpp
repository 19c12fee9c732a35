#include "train/config/optimizer.h"

#include <algorithm>

#include "optim/factory.h"

namespace lockstep::train {

namespace {

// A rule's setting, of what the configuration says under a key.
struct Wanted {
  std::string key, setting;
  optim::Setting value;
};

std::vector<Wanted> wanted(const RunConfig& config) {
  const std::vector<double> betas = {config.beta1, config.beta2};
  return {{"beta1", "betas", betas},
          {"beta2", "betas", betas},
          {"beta2", "alpha", config.beta2},  // RMSprop
          {"beta2", "rho", config.beta2},    // Adadelta
          {"eps", "eps", config.eps},
          {"weight_decay", "weight_decay", config.weight_decay},
          {"momentum", "momentum", config.momentum},
          {"optimizer_direction", "direction_by", config.optimizer_direction},
          {"optimizer_scale", "scale_by", config.optimizer_scale}};
}

// The wanted ones that the rule has. Adafactor's eps, two numbers, is another setting of that name.
std::vector<Wanted> known(const std::string& rule, const RunConfig& config) {
  const optim::Settings own = optim::default_settings(rule);
  std::vector<Wanted> found = wanted(config);
  std::erase_if(found, [&](const Wanted& w) {
    const auto setting = own.find(w.setting);
    return setting == own.end() || setting->second.index() != w.value.index();
  });
  return found;
}

optim::Settings settings_of(const std::string& rule, const RunConfig& config) {
  optim::Settings settings = {{"lr", config.lr}};
  for (const Wanted& w : known(rule, config)) settings[w.setting] = w.value;
  // LAMB, LARS: a trust ratio without weight decay, too.
  const optim::Settings own = optim::default_settings(rule);
  if (own.contains("always_adapt")) settings["always_adapt"] = true;
  // What is no matrix has no rows to look at: its size by part.
  if (own.contains("vectors_by")) settings["vectors_by"] = std::string("part");
  return settings;
}

constexpr const char* beside_muon = "adam";

}  // namespace

double RunConfig::*learning_rate_of(const std::string& optimizer) {
  return optimizer == "muon" ? &RunConfig::matrix_lr : &RunConfig::lr;
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names = optim::optimizer_names();
  std::erase(names, "muon+adam");
  return names;
}

std::vector<std::string> coupling_optimizers() {
  std::vector<std::string> names = optimizer_names();
  std::erase_if(names,
                [](const std::string& name) { return !optim::default_settings(name).contains("scale_by"); });
  return names;
}

bool reshapes(const std::string& optimizer) {
  return optim::default_settings(optimizer).contains("direction_by");
}

std::vector<std::string> optimizer_keys(const std::string& optimizer) {
  std::vector<std::string> keys;
  const auto add = [&](const std::string& rule) {
    for (const Wanted& w : known(rule, {})) {
      if (std::ranges::find(keys, w.key) == keys.end()) keys.push_back(w.key);
    }
  };
  add(optimizer);
  if (optimizer == "muon") {
    add(beside_muon);
    keys.emplace_back("matrix_lr");
  }
  return keys;
}

std::vector<std::string> optimizer_keys() {
  std::vector<std::string> keys = {"matrix_lr"};
  for (const Wanted& w : wanted({})) keys.push_back(w.key);
  return keys;
}

std::unique_ptr<optim::Optimizer> make_optimizer(const RunConfig& config, const ParameterList& parameters) {
  optim::Settings settings = settings_of(config.optimizer, config);
  if (config.optimizer != "muon") return optim::make_optimizer(config.optimizer, parameters, settings);
  settings["lr"] = config.matrix_lr;
  for (const auto& [name, value] : settings_of(beside_muon, config)) settings["adam." + name] = value;
  return optim::make_optimizer("muon+adam", parameters, settings);
}

}  // namespace lockstep::train
