#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/parameter.h"

namespace lockstep::optim {

// What an optimizer remembers: slot ("exp_avg") -> tensors that go by their parameters' names and logical
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
  // Forgets all gradients; their memory is used again.
  void zero_grad();

  virtual int groups() const = 0;
  virtual double lr(int group = 0) const = 0;
  virtual void set_lr(int group, double lr) = 0;
  // The same for all groups.
  void set_lr(double lr);

  // Momentum, or beta1, for schedules that cycle it (optim/torch_schedules.h); none in a rule with neither,
  // where setting it throws.
  virtual std::optional<double> momentum(int group = 0) const = 0;
  virtual void set_momentum(int group, double momentum) = 0;

  // In the order in which they are stepped.
  virtual ParameterList parameters() const = 0;

  // Handles of the live tensors: to be stored or filled. Clone what has to last beyond the next step.
  virtual OptimizerState state() const = 0;
  // Copies a state, matched by slot and logical part, so that it may come from another storage. Training then
  // goes on bit for bit as if never interrupted (learning rates belong to the options and are not part of
  // it). Throws, before it changes anything, where the state is not that of this rule and these parameters.
  void load_state(const OptimizerState& saved);
};

// Independent copies of the tensors.
OptimizerState clone(const OptimizerState& state);

}  // namespace lockstep::optim
