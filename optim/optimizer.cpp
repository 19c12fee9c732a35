#include "optim/optimizer.h"

#include <ranges>

#include "core/joined.h"
#include "core/kernels.h"

namespace lockstep::optim {

namespace {

// The rows of a stored tensor that stand for a logical part.
Tensor part_rows(const Parameter& stored, const LogicalPart& part) {
  return rows(stored.tensor, {part.name, part.begin, part.end});
}

// Logical part -> its rows.
std::map<std::string, Tensor> by_part(const ParameterList& stored) {
  std::map<std::string, Tensor> found;
  for (const Parameter& parameter : stored) {
    for (const LogicalPart& part : parameter.parts) found.emplace(part.name, part_rows(parameter, part));
  }
  return found;
}

std::string names_of(const OptimizerState& state) { return joined(std::views::keys(state)); }

struct Copy {
  Tensor to, from;
};

// What has to be copied to fill the slot `to` from `from`.
void plan_slot(const std::string& slot, const ParameterList& to, const ParameterList& from,
               std::vector<Copy>& plan) {
  std::map<std::string, Tensor> sources = by_part(from);
  for (const Parameter& parameter : to) {
    for (const LogicalPart& part : parameter.parts) {
      const auto source = sources.find(part.name);
      check(source != sources.end(),
            "[load_state] the saved \"{}\" has nothing for {}: it belongs to other parameters, or to a rule "
            "that looked at "
            "other ranges (tensor, part or head)",
            slot, part.name);
      const Tensor target = part_rows(parameter, part);
      check(source->second.shape() == target.shape() && source->second.dtype() == target.dtype(),
            "[load_state] \"{}\" of {}: expected {}, the saved one is {}", slot, part.name, describe(target),
            describe(source->second));
      plan.push_back({target, source->second});
      sources.erase(source);
    }
  }
  check(sources.empty(), "[load_state] the saved \"{}\" has {}, which is no parameter of this optimizer",
        slot, sources.empty() ? "" : sources.begin()->first);
}

}  // namespace

void Optimizer::zero_grad() {
  for (Parameter& parameter : parameters()) parameter.tensor.zero_grad();
}

Optimizer::Rates& Optimizer::rates(int group) const {
  check(group >= 0 && group < groups(), "[Optimizer] there are {} groups, got number {}", groups(), group);
  return *rates_[static_cast<std::size_t>(group)];
}

void Optimizer::set_lr(double lr) {
  for (int group = 0; group < groups(); ++group) set_lr(group, lr);
}

void Optimizer::set_momentum(int group, double momentum) {
  check(rates(group).momentum.has_value(),
        "[set_momentum] this optimizer has neither momentum nor beta1, cannot set it to {}", momentum);
  rates(group).momentum = momentum;
  momentum_changed();
}

ParameterList Optimizer::parameters() const {
  ParameterList all;
  for (const auto& member : members_) all.push_back(member->parameter());
  return all;
}

OptimizerState Optimizer::state() const {
  OptimizerState all;
  for (const auto& member : members_) {
    for (const Member::Slot& slot : member->slots()) all[std::string(slot.name)].push_back(slot.value);
  }
  return all;
}

void Optimizer::load_state(const OptimizerState& saved) {
  const OptimizerState live = state();
  std::vector<Copy> plan;
  for (const auto& [slot, tensors] : live) {
    const auto found = saved.find(slot);
    check(found != saved.end(), "[load_state] this optimizer needs \"{}\"; the saved state has {}", slot,
          names_of(saved));
    plan_slot(slot, tensors, found->second, plan);
  }
  check(saved.size() == live.size(), "[load_state] this optimizer has {}; the saved state has {}",
        names_of(live), names_of(saved));
  for (const Copy& copy : plan) kernels(copy.to).copy(copy.to, copy.from);
}

OptimizerState clone(const OptimizerState& state) {
  OptimizerState copy = state;
  for (auto& [slot, tensors] : copy) {
    for (Parameter& parameter : tensors) {
      const Tensor source = parameter.tensor;
      parameter.tensor = empty_like(source);
      kernels(source).copy(parameter.tensor, source);
    }
  }
  return copy;
}

}  // namespace lockstep::optim
