#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "optim/member.h"

namespace lockstep::optim {

// The state of an optimizer: slot ("exp_avg") -> tensors that go by their parameters' names and logical
// parts. Whatever stores and converts parameters stores and converts these as well: data::write_weights
// writes a slot, a state of combined storage loads into separate storage and back. The slot "step" counts the
// steps of each part (f64, one row per part).
//
// Most slots are shaped like their parameters. Adafactor's factored second moment is the exception
// (optim/adafactor.h).
using OptimizerState = std::map<std::string, ParameterList>;

// A rule that changes parameters by their gradients.
//
//   optim::AdamW adam(root.parameters(), {.lr = 1e-3});
//   adam.zero_grad();
//   backward(loss);
//   adam.step();
//
// Parameters come in groups, each with its own options. Numbers agree with PyTorch's (LAMB and LARS: timm's).
class Optimizer {
 public:
  Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  // Changes every parameter that has a gradient, which stays until zero_grad(), as in PyTorch: gradients of
  // several backward() add up. A parameter without one stays as it is, and so does its state. With a number
  // that is not finite (a loss), on the parameters' device, no parameter and no state changes but the count
  // of steps.
  virtual void step(const Tensor& only_if_finite = {}) = 0;
  // Drops all gradients; on the CPU their memory is used again.
  void zero_grad();

  int groups() const { return static_cast<int>(rates_.size()); }
  // Of one group, or set for all. Throw for a group that there is not.
  double lr(int group = 0) const { return rates(group).lr; }
  void set_lr(int group, double lr) { rates(group).lr = lr; }
  void set_lr(double lr);
  // Momentum, or beta1, for schedules that cycle it (optim/torch_schedules.h); none in a rule with neither,
  // where setting it throws.
  std::optional<double> momentum(int group = 0) const { return rates(group).momentum; }
  void set_momentum(int group, double momentum);

  // In the order in which they are stepped.
  ParameterList parameters() const;

  // Handles of the live tensors: to be stored or filled. Clone what has to last beyond the next step.
  OptimizerState state() const;
  // Copies a state, matched by slot and logical part, so that it may come from another storage. Training then
  // goes on bit for bit as if never interrupted (learning rates belong to the options and are not part of
  // it). Throws, before it changes anything, where the state is not that of this rule and these parameters.
  void load_state(const OptimizerState& saved);

 protected:
  friend class Composite;
  // What schedules change of a group's options.
  struct Rates {
    double lr;
    std::optional<double> momentum;
  };
  Rates& rates(int group) const;

  // By group, and by parameter. A Composite has those of its rules.
  std::vector<std::shared_ptr<Rates>> rates_;
  std::vector<std::shared_ptr<Member>> members_;

 private:
  virtual void momentum_changed() {}
};

// Independent copies of the tensors.
OptimizerState clone(const OptimizerState& state);

}  // namespace lockstep::optim
