#pragma once

#include <set>
#include <utility>
#include <vector>

#include "core/autograd.h"
#include "optim/member.h"
#include "optim/settings.h"
#include "optim/updates.h"

namespace lockstep::optim {

// Parameters with the options they are stepped by.
template <typename Options>
struct Group {
  ParameterList parameters;
  Options options;
};

// A parameter that is stepped now.
struct Due {
  Member& member;
  Tensor gradient;  // contiguous
  double step;      // its number, from 1 on

  const Tensor& parameter() const { return member.tensor(); }
};

// What all rules share: groups, members, the loop. Options are an aggregate with `lr`, `name` (for errors),
// visit(field) with its fields, names and ranges (optim/settings.h), add_slots(member), and, where ranges do
// not say it all, validate(), or validate_first() for what is asked of the first group only.
template <typename OptionsType>
class GroupedOptimizer : public Optimizer {
 public:
  using Options = OptionsType;
  using Groups = std::vector<Group<Options>>;

  explicit GroupedOptimizer(const ParameterList& parameters, const Options& options = {})
      : GroupedOptimizer(Groups{{parameters, options}}) {}
  explicit GroupedOptimizer(const Groups& groups) {
    if constexpr (requires(Options o) { o.validate_first(); }) {
      if (!groups.empty()) groups[0].options.validate_first();
    }
    std::set<const Tensor::Impl*> seen;
    for (const auto& group : groups) {
      validate(group.options);
      for (const Parameter& parameter : group.parameters) {
        if (!parameter.trainable) continue;
        check(seen.insert(parameter.tensor.handle().get()).second,
              "[Optimizer] {} is listed twice: every parameter belongs to one group", parameter.name);
        group.options.add_slots(members_.emplace_back(parameter, this->groups()));
      }
      options_.push_back(group.options);
    }
    check(!members_.empty(),
          "[Optimizer] there is no parameter to train: give it root.parameters(), once the model is built");
    add_momentum_buffers();
  }

  void step(const Tensor& only_if_finite = {}) override {
    const NoGrad no_grad;
    std::vector<std::vector<Due>> due(options_.size());
    for (Member& member : members_) {
      const Tensor gradient = member.gradient();
      if (!gradient.defined()) continue;
      due[static_cast<std::size_t>(member.group())].push_back({member, gradient, member.count_step()});
    }
    prepare(due);
    for (std::size_t group = 0; group < due.size(); ++group) {
      if (!due[group].empty()) update(options_[group], due[group], only_if_finite);
      for (const Due& d : due[group]) d.parameter().mark_changed();
    }
  }

  int groups() const override { return static_cast<int>(options_.size()); }
  double lr(int group = 0) const override { return options(group).lr; }
  using Optimizer::set_lr;
  void set_lr(int group, double lr) override { options_.at(static_cast<std::size_t>(group)).lr = lr; }

  std::optional<double> momentum(int group = 0) const override {
    if constexpr (requires(Options o) { o.betas; }) {
      return options(group).betas[0];
    } else if constexpr (requires(Options o) { o.momentum; }) {
      return options(group).momentum;
    } else {
      return std::nullopt;
    }
  }
  void set_momentum(int group, double momentum) override {
    Options& o = options_.at(static_cast<std::size_t>(group));
    if constexpr (requires { o.betas; }) {
      o.betas[0] = momentum;
    } else if constexpr (requires { o.momentum; }) {
      o.momentum = momentum;
      add_momentum_buffers();
    } else {
      fail("[set_momentum] this optimizer has neither momentum nor beta1, cannot set it to {}", momentum);
    }
  }

  const Options& options(int group = 0) const { return options_.at(static_cast<std::size_t>(group)); }

  ParameterList parameters() const override {
    ParameterList all;
    for (const Member& member : members_) all.push_back(member.parameter());
    return all;
  }

  OptimizerState state() const override {
    OptimizerState all;
    for (const Member& member : members_) member.append_state(all);
    return all;
  }

 protected:
  // Called once at the start of every step, with what is due of each group.
  virtual void prepare(const std::vector<std::vector<Due>>&) {}
  // One step of the parameters of one group.
  virtual void update(const Options& options, const std::vector<Due>& due, const Tensor& only_if_finite) = 0;

 private:
  // For the members that have momentum and no buffer yet.
  void add_momentum_buffers() {
    if constexpr (requires(Options o) { o.momentum; }) {
      for (Member& member : members_) {
        if (options(member.group()).momentum > 0 && !member.has_slot("momentum_buffer")) {
          member.add_slot("momentum_buffer");
        }
      }
    }
  }

  std::vector<Member> members_;
  std::vector<Options> options_;
};

}  // namespace lockstep::optim
