#include "optim/clip.h"

#include <cmath>

#include "core/kernels.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

// A gradient that may be written to; undefined if there is none.
Tensor writable_gradient(Tensor tensor) {
  const Tensor gradient = tensor.grad();
  if (!gradient.defined() || gradient.is_contiguous()) return gradient;
  Tensor copy = empty_like(gradient);
  kernels(copy).copy(copy, gradient);
  tensor.set_grad(copy);
  return copy;
}

void scale_to(const Tensor& gradient, double norm, double max_norm) {
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return;
  kernels(gradient).unary(UnaryOp::mul_constant, gradient, gradient, factor, 0);
  gradient.mark_changed();
}

}  // namespace

double grad_norm(const ParameterList& parameters) {
  double total = 0;
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = writable_gradient(parameter.tensor);
    if (gradient.defined()) total += sum_of_squares(gradient);
  }
  return std::sqrt(total);
}

double clip_grad_norm(const ParameterList& parameters, double max_norm) {
  const double norm = grad_norm(parameters);
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = parameter.tensor.grad();
    if (gradient.defined()) scale_to(gradient, norm, max_norm);
  }
  return norm;
}

double clip_grad_norm_each(const ParameterList& parameters, double max_norm, Granularity by) {
  double largest = 0;
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = writable_gradient(parameter.tensor);
    if (!gradient.defined()) continue;
    for (const RowRange& range : row_ranges(parameter, by)) {
      const Tensor part = rows(gradient, range);
      const double norm = std::sqrt(sum_of_squares(part));
      largest = norm > largest || std::isnan(norm) ? norm : largest;
      scale_to(part, norm, max_norm);
    }
  }
  return largest;
}

void clip_grad_value(const ParameterList& parameters, double value) {
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = writable_gradient(parameter.tensor);
    if (!gradient.defined()) continue;
    kernels(gradient).unary(UnaryOp::clamp, gradient, gradient, -value, value);
    gradient.mark_changed();
  }
}

}  // namespace lockstep::optim
