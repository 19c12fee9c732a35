#include "optim/member.h"

#include <algorithm>

#include "core/kernels.h"

namespace lockstep::optim {

namespace {

constexpr std::string_view step_slot = "step";

}  // namespace

Member::Member(Parameter parameter, int group) : parameter_(std::move(parameter)), group_(group) {
  const Tensor& x = parameter_.tensor;
  check(is_real(x.dtype()) && x.is_contiguous(),
        "[Optimizer] {} must be a contiguous tensor of f32 or f64, got {}", parameter_.name, describe(x));
  if (parameter_.parts.empty()) {
    parameter_.parts = {{parameter_.name, 0, x.rank() == 0 ? 1 : x.size(0)}};
  }
  add_number(step_slot, 0);
}

Tensor Member::gradient() const {
  Tensor gradient = tensor().grad();
  if (!gradient.defined() || gradient.is_contiguous()) return gradient;
  Tensor copy = empty_like(gradient);
  kernels(copy).copy(copy, gradient);
  return copy;
}

void Member::add_slot(std::string_view slot, double value) {
  add_slot(slot, full(tensor().shape(), value, tensor().options()), parameter_.parts);
  slots_.back().is_elementwise = true;
}

void Member::add_number(std::string_view slot, double value) {
  std::vector<LogicalPart> parts;
  for (const LogicalPart& part : parameter_.parts) {
    const auto row = static_cast<std::int64_t>(parts.size());
    parts.push_back({part.name, row, row + 1});
  }
  Tensor numbers = full({static_cast<std::int64_t>(parts.size())}, value, {DType::f64});
  add_slot(slot, std::move(numbers), std::move(parts));
}

void Member::add_slot(std::string_view slot, Tensor tensor, std::vector<LogicalPart> parts) {
  slots_.push_back({slot, {parameter_.name, std::move(tensor), std::move(parts)}});
}

bool Member::has_slot(std::string_view slot) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.name == slot; });
}

std::array<Tensor, 3> Member::update_slots() const {
  std::array<Tensor, 3> found;
  std::size_t count = 0;
  for (const Slot& slot : slots_) {
    if (slot.is_elementwise) found.at(count++) = slot.value.tensor;
  }
  return found;
}

const Tensor& Member::slot(std::string_view slot) const {
  const auto found =
      std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.name == slot; });
  check(found != slots_.end(), "[Optimizer] {} has no \"{}\"", parameter_.name, slot);
  return found->value.tensor;
}

double Member::number(std::string_view slot) const {
  const Tensor& numbers = this->slot(slot);
  const double* first = numbers.data<double>();
  for (std::int64_t i = 1; i < numbers.numel(); ++i) {
    check(first[i] == first[0],
          "[Optimizer] {}: the parts must agree on \"{}\", got {} and {}: tensors that were not stepped "
          "together cannot be "
          "stepped as one",
          parameter_.name, slot, first[0], first[i]);
  }
  return first[0];
}

void Member::set_number(std::string_view slot, double value) {
  const Tensor& numbers = this->slot(slot);
  std::fill_n(numbers.data<double>(), numbers.numel(), value);
}

double Member::count_step() {
  const double step = number(step_slot) + 1;
  set_number(step_slot, step);
  return step;
}

}  // namespace lockstep::optim
