#include "optim/composite.h"

namespace lockstep::optim {

Composite::Composite(std::vector<std::unique_ptr<Optimizer>> rules) : rules_(std::move(rules)) {
  std::set<const Tensor::Impl*> seen;
  for (const auto& rule : rules_) {
    rates_.insert(rates_.end(), rule->rates_.begin(), rule->rates_.end());
    members_.insert(members_.end(), rule->members_.begin(), rule->members_.end());
  }
  for (const Parameter& parameter : parameters()) {
    check(seen.insert(parameter.tensor.handle().get()).second,
          "[Composite] {} belongs to two rules: every parameter has one", parameter.name);
  }
}

void Composite::step(const Tensor& only_if_finite) {
  for (const auto& rule : rules_) rule->step(only_if_finite);
}

void Composite::momentum_changed() {
  for (const auto& rule : rules_) rule->momentum_changed();
}

bool is_block_matrix(const Parameter& parameter) {
  const std::string path = "." + parameter.name;
  return parameter.tensor.rank() == 2 &&
         (path.find(".blocks.") != std::string::npos || path.find(".layers.") != std::string::npos);
}

std::unique_ptr<Optimizer> muon_with_adam(const ParameterList& parameters, const MuonOptions& muon,
                                          const AdamOptions& adam) {
  ParameterList matrices, rest;
  for (const Parameter& parameter : parameters)
    (is_block_matrix(parameter) ? matrices : rest).push_back(parameter);
  check(!matrices.empty(), "[muon_with_adam] no parameter is a matrix of a block (blocks.0..., layers.0...)");
  std::vector<std::unique_ptr<Optimizer>> rules;
  rules.push_back(std::make_unique<Muon>(matrices, muon));
  if (!rest.empty()) rules.push_back(std::make_unique<Adam>(rest, adam));
  return std::make_unique<Composite>(std::move(rules));
}

}  // namespace lockstep::optim
