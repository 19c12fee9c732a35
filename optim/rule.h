#pragma once

#include <set>

#include "core/autograd.h"
#include "optim/optimizer.h"
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

// One step of the parameters of a group.
struct Step {
  std::vector<Due> due;
  Tensor only_if_finite;  // see Optimizer::step()
  double first_lr;        // of the first group, when the optimizer was made
  Tensor gradient_scale;  // see Rule; undefined: 1
};

// An optimizer by its options, an aggregate with `lr`, `name` (for errors), visit(field) with its fields,
// names and ranges (optim/settings.h), add_slots(member), and one of
//   rule(member, step), an elementwise rule of core/rules.h with its constants in that step, which changes
//     the slots of add_slots(), in that order
//   update(step), for rules that look at whole matrices.
// Where ranges do not say it all: validate(), or validate_first() for what is asked of the first group only.
// gradient_scale(gradients) of the first group's, an f64 number for all gradients of a step.
template <typename OptionsType>
class Rule final : public Optimizer {
 public:
  using Options = OptionsType;
  using Groups = std::vector<Group<Options>>;

  // Throw for options that make no sense, a parameter that is listed twice or not contiguous, and for none.
  explicit Rule(const ParameterList& parameters, const Options& options = {})
      : Rule(Groups{{parameters, options}}) {}
  explicit Rule(const Groups& groups) {
    if constexpr (requires(Options o) { o.validate_first(); }) {
      if (!groups.empty()) groups[0].options.validate_first();
    }
    std::set<const Tensor::Impl*> seen;
    for (auto [parameters, options] : groups) {
      validate(options);
      for (const Parameter& parameter : parameters) {
        if (!parameter.trainable) continue;
        check(seen.insert(parameter.tensor.handle().get()).second,
              "[Optimizer] {} is listed twice: every parameter belongs to one group", parameter.name);
        members_.push_back(std::make_shared<Member>(parameter, this->groups()));
        options.add_slots(*members_.back());
      }
      const double* const momentum = momentum_of(options);
      rates_.push_back(
          std::make_shared<Rates>(Rates{options.lr, momentum ? std::optional(*momentum) : std::nullopt}));
      options_.push_back(options);
    }
    check(!members_.empty(),
          "[Optimizer] there is no parameter to train: give it root.parameters(), once the model is built");
    momentum_changed();
  }

  void step(const Tensor& only_if_finite = {}) override {
    const NoGrad no_grad;
    std::vector<std::vector<Due>> due(options_.size());
    std::vector<Tensor> all;
    for (const auto& member : members_) {
      const Tensor gradient = member->gradient();
      if (!gradient.defined()) continue;
      all.push_back(gradient);
      due[static_cast<std::size_t>(member->group())].push_back({*member, gradient, member->count_step()});
    }
    Tensor scale;
    if constexpr (requires(const Options o) { o.gradient_scale({}); })
      scale = options_[0].gradient_scale(all);
    for (std::size_t group = 0; group < due.size(); ++group) {
      if (due[group].empty()) continue;
      const Step now{std::move(due[group]), only_if_finite, options_[0].lr, scale};
      apply(options(static_cast<int>(group)), now);
      for (const Due& d : now.due) d.parameter().mark_changed();
    }
  }

  // With the group's rate and momentum of now.
  Options options(int group = 0) const {
    const Rates& now = rates(group);
    Options o = options_[static_cast<std::size_t>(group)];
    o.lr = now.lr;
    if (double* const momentum = momentum_of(o)) *momentum = *now.momentum;
    return o;
  }

 private:
  static void apply(const Options& options, const Step& step) {
    if constexpr (requires { options.update(step); }) {
      options.update(step);
    } else {
      Updates updates(step.only_if_finite);
      for (const Due& d : step.due)
        updates.add(options.rule(d.member, d.step), {d.parameter(), d.gradient, d.member.update_slots()});
      updates.run();
    }
  }

  // Momentum or beta1; null where there is neither.
  static double* momentum_of([[maybe_unused]] Options& o) {
    if constexpr (requires { o.betas; }) {
      return &o.betas[0];
    } else if constexpr (requires { o.momentum; }) {
      return &o.momentum;
    } else {
      return nullptr;
    }
  }

  // Adds a buffer to the members that have momentum now and no buffer yet.
  void momentum_changed() final {
    if constexpr (requires(Options o) { o.momentum; }) {
      for (const auto& member : members_) {
        if (*rates(member->group()).momentum > 0 && !member->has_slot("momentum_buffer"))
          member->add_slot("momentum_buffer");
      }
    }
  }

  std::vector<Options> options_;
};

}  // namespace lockstep::optim
