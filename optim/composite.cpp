#include "optim/composite.h"

#include <algorithm>

namespace lockstep::optim {

Composite::Composite(std::vector<std::unique_ptr<Optimizer>> rules) : rules_(std::move(rules)) {
  std::set<const Tensor::Impl*> seen;
  for (const Parameter& parameter : parameters()) {
    check(seen.insert(parameter.tensor.handle().get()).second,
          "[Composite] {} belongs to two rules: every parameter has one", parameter.name);
  }
}

void Composite::step(const Tensor& only_if_finite) {
  for (const auto& rule : rules_) rule->step(only_if_finite);
}

int Composite::groups() const {
  int count = 0;
  for (const auto& rule : rules_) count += rule->groups();
  return count;
}

std::pair<Optimizer&, int> Composite::find(int group) const {
  int left = group;
  for (const auto& rule : rules_) {
    if (left >= 0 && left < rule->groups()) return {*rule, left};
    left -= rule->groups();
  }
  fail("[Composite] there are {} groups, got number {}", groups(), group);
}

double Composite::lr(int group) const {
  const auto [rule, own] = find(group);
  return rule.lr(own);
}

void Composite::set_lr(int group, double lr) {
  const auto [rule, own] = find(group);
  rule.set_lr(own, lr);
}

std::optional<double> Composite::momentum(int group) const {
  const auto [rule, own] = find(group);
  return rule.momentum(own);
}

void Composite::set_momentum(int group, double momentum) {
  const auto [rule, own] = find(group);
  rule.set_momentum(own, momentum);
}

ParameterList Composite::parameters() const {
  ParameterList all;
  for (const auto& rule : rules_) {
    for (Parameter& parameter : rule->parameters()) all.push_back(std::move(parameter));
  }
  return all;
}

OptimizerState Composite::state() const {
  OptimizerState all;
  for (const auto& rule : rules_) {
    for (auto& [slot, tensors] : rule->state()) {
      ParameterList& joined = all[slot];
      joined.insert(joined.end(), tensors.begin(), tensors.end());
    }
  }
  return all;
}

bool is_block_matrix(const Parameter& parameter) {
  const std::string path = "." + parameter.name;
  return parameter.tensor.rank() == 2 &&
         (path.find(".blocks.") != std::string::npos || path.find(".layers.") != std::string::npos);
}

std::unique_ptr<Optimizer> muon_with_adam(const ParameterList& parameters, const MuonOptions& muon,
                                          const AdamOptions& adam) {
  ParameterList matrices, rest;
  for (const Parameter& parameter : parameters) {
    (is_block_matrix(parameter) ? matrices : rest).push_back(parameter);
  }
  check(!matrices.empty(), "[muon_with_adam] no parameter is a matrix of a block (blocks.0..., layers.0...)");
  std::vector<std::unique_ptr<Optimizer>> rules;
  rules.push_back(std::make_unique<Muon>(matrices, muon));
  if (!rest.empty()) rules.push_back(std::make_unique<Adam>(rest, adam));
  return std::make_unique<Composite>(std::move(rules));
}

namespace {

constexpr std::string_view adam_prefix = "adam.";

std::unique_ptr<Optimizer> make_muon_with_adam(const std::string& name,
                                               const std::vector<SettingsGroup>& groups) {
  check(groups.size() == 1, "[{}] makes its own groups: give it one, not {}", name, groups.size());
  Settings muon, adam;
  for (const auto& [key, value] : groups[0].settings) {
    key.starts_with(adam_prefix) ? adam[key.substr(adam_prefix.size())] = value : muon[key] = value;
  }
  return muon_with_adam(groups[0].parameters, options_from<MuonOptions>(name, muon),
                        options_from<AdamOptions>(name + ", " + std::string(adam_prefix), adam));
}

Settings muon_with_adam_defaults() {
  Settings all = settings_of(MuonOptions());
  for (const auto& [key, value] : settings_of(AdamOptions())) all[std::string(adam_prefix) + key] = value;
  return all;
}

}  // namespace

RegisteredOptimizer muon_with_adam_by_name() {
  return {"muon+adam", make_muon_with_adam, muon_with_adam_defaults, couples_rows<MuonOptions>()};
}

}  // namespace lockstep::optim
