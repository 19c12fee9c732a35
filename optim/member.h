#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/parameter.h"

namespace lockstep::optim {

// A parameter in an optimizer, with its part of the state.
class Member {
 public:
  // Throws for a tensor that is not contiguous, or neither f32 nor f64.
  Member(Parameter parameter, int group);

  const Parameter& parameter() const { return parameter_; }
  const Tensor& tensor() const { return parameter_.tensor; }
  int group() const { return group_; }

  // The gradient, contiguous, shaped like the parameter; undefined if there is none.
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
  const Tensor& slot(std::string_view slot) const;  // throws for a name that there is not
  // A number that was added by add_number. Throws where the parts disagree, as they may after loading
  // the state of tensors that were stepped apart.
  double number(std::string_view slot) const;
  void set_number(std::string_view slot, double value);

  // The number of this step, from 1 on.
  double count_step();

  struct Slot {
    std::string_view name;  // a literal
    Parameter value;        // under the parameter's name
    bool is_elementwise = false;
  };
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  Parameter parameter_;
  int group_;
  std::vector<Slot> slots_;
};

}  // namespace lockstep::optim
