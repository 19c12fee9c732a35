#pragma once

#include <set>
#include <utility>
#include <vector>

#include "optim/member.h"

namespace lockstep::optim {

// Parameters with the options they are stepped by.
template <typename Options>
struct Group {
  ParameterList parameters;
  Options options;
};

// What all rules share: groups, members, the loop. A rule says in its constructor what it remembers and gives
// update(). Options have a member `lr`; validate(options) throws for values that make no sense.
template <typename OptionsType>
class GroupedOptimizer : public Optimizer {
 public:
  using Options = OptionsType;
  using Groups = std::vector<Group<Options>>;

  void step() override {
    prepare();
    for (Member& member : members_) {
      const Tensor gradient = member.gradient();
      if (!gradient.defined()) continue;
      update(member, gradient, member.count_step());
      member.tensor().mark_changed();
    }
    zero_grad();
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
  explicit GroupedOptimizer(const Groups& groups) {
    std::set<const Tensor::Impl*> seen;
    for (const auto& group : groups) {
      validate(group.options);
      for (const Parameter& parameter : group.parameters) {
        if (!parameter.trainable) continue;
        check(seen.insert(parameter.tensor.handle().get()).second,
              "[Optimizer] {} is listed twice: every parameter belongs to one group", parameter.name);
        members_.emplace_back(parameter, this->groups());
      }
      options_.push_back(group.options);
    }
  }

  // Called once at the start of every step.
  virtual void prepare() {}
  // One step of one parameter; `gradient` is contiguous, `step` counts from 1.
  virtual void update(Member& member, const Tensor& gradient, double step) = 0;

  // What a rule with momentum remembers, for the members that have any.
  void add_momentum_buffers() requires requires(Options o) { o.momentum; }
  {
    for (Member& member : members_) {
      if (options_of(member).momentum > 0 && !member.has_slot("momentum_buffer")) {
        member.add_slot("momentum_buffer");
      }
    }
  }

  std::vector<Member>& members() { return members_; }
  const Options& options_of(const Member& member) const { return options(member.group()); }

 private:
  std::vector<Member> members_;
  std::vector<Options> options_;
};

}  // namespace lockstep::optim
