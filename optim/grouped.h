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
// update(). Options have a member `lr`.
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

  std::vector<Member>& members() { return members_; }
  const Options& options_of(const Member& member) const { return options(member.group()); }

 private:
  std::vector<Member> members_;
  std::vector<Options> options_;
};

}  // namespace lockstep::optim
