// kind "optimizer": parameters after every step, given the gradients of every step.
#include "core/ops.h"
#include "optim/clip.h"
#include "optim/factory.h"
#include "tests/conformance/kinds.h"
#include "tests/conformance/settings.h"

namespace lockstep::conformance {
namespace {

using nlohmann::json;

// One group for each parameter, behind an empty one with the options of the constructor, whose values count
// where a rule has but one for all groups.
std::vector<optim::SettingsGroup> groups_from(const json& config, const ParameterList& parameters) {
  const json overrides = config.value("group_options", json::object());
  json common = config.at("options");
  if (config.at("optimizer") == "Muon") common["ns_bfloat16"] = true;
  std::vector<optim::SettingsGroup> groups = {{{}, settings_from(common)}};
  for (const Parameter& parameter : parameters) {
    json options = common;
    const json own = overrides.value(parameter.name, json::object());
    for (const auto& [name, value] : own.items()) {
      // PyTorch fills the sums in the constructor, by the constructor's own value.
      if (name != "initial_accumulator_value") options[name] = value;
    }
    groups.push_back({{parameter}, settings_from(options)});
  }
  return groups;
}

void clip(const json& config, const ParameterList& parameters) {
  if (!config.contains("clip")) return;
  for (const auto& [name, unused] : config["clip"].items()) {
    check(name == "norm" || name == "value", "unknown clipping '{}'", name);
  }
  const json& clip = config["clip"];
  if (clip.contains("norm")) optim::clip_grad_norm(parameters, clip["norm"].get<double>());
  if (clip.contains("value")) optim::clip_grad_value(parameters, clip["value"].get<double>());
}

void run_optimizer(Case& test) {
  const json& config = test.config();
  for (const auto& [name, unused] : config.items()) {
    check(name == "optimizer" || name == "options" || name == "group_options" || name == "clip",
          "unknown setting '{}'", name);
  }
  ParameterList parameters;
  std::vector<Tensor> gradients;
  for (const std::string& name : test.names("start")) {
    parameters.push_back({name, test.read("start/" + name), {}});
    parameters.back().tensor.set_requires_grad();
    gradients.push_back(test.read("gradients/" + name));
  }
  check(!parameters.empty(), "there are no parameters");
  const auto optimizer = optim::make_optimizer(config.at("optimizer"), groups_from(config, parameters));
  std::vector<std::vector<Tensor>> history(parameters.size());
  for (std::int64_t step = 0; step < gradients[0].size(0); ++step) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].tensor.set_grad(clone(select(gradients[i], 0, step)));
    }
    clip(config, parameters);
    optimizer->step();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      history[i].push_back(clone(parameters[i].tensor.detach()));
    }
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    test.expect("parameters/" + parameters[i].name, stack(history[i], 0));
  }
  test.expect_names("parameters", test.names("start"));
  test.expect_names("gradients", test.names("start"));
}

}  // namespace

void add_optimizer(Kinds& kinds) { kinds["optimizer"] = run_optimizer; }

}  // namespace lockstep::conformance
