#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "optim/optimizer.h"

namespace lockstep::optim {

// A parameter in an optimizer, with what the rule remembers of it.
class Member {
 public:
  Member(Parameter parameter, int group);

  const Parameter& parameter() const { return parameter_; }
  const Tensor& tensor() const { return parameter_.tensor; }
  int group() const { return group_; }

  // The gradient, contiguous; undefined if there is none.
  Tensor gradient() const;

  // Adds a slot shaped like the parameter.
  void add_slot(std::string_view slot, double value = 0);
  // Adds f64 numbers in host memory, one per logical part, all the same.
  void add_number(std::string_view slot, double value);
  // Adds a slot of another shape, whose rows have parts of their own.
  void add_slot(std::string_view slot, Tensor tensor, std::vector<LogicalPart> parts);

  bool has_slot(std::string_view slot) const;
  // The slots shaped like the parameter, in the order in which they were added.
  std::array<Tensor, 3> update_slots() const;
  const Tensor& slot(std::string_view slot) const;
  // A number that was added by add_number. Throws where the parts disagree, as they may after loading
  // the state of tensors that were stepped apart.
  double number(std::string_view slot) const;
  void set_number(std::string_view slot, double value);

  // The number of this step, from 1 on.
  double count_step();

  void append_state(OptimizerState& state) const;

 private:
  struct Slot {
    std::string_view name;  // a literal
    Parameter value;
    bool is_elementwise = false;
  };

  Parameter parameter_;
  int group_;
  std::vector<Slot> slots_;
};

}  // namespace lockstep::optim
