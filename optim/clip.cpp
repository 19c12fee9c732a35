#include "optim/clip.h"

#include "core/autograd.h"
#include "core/ops.h"
#include "optim/matrix.h"
#include "optim/updates.h"

namespace lockstep::optim {

namespace {

// A gradient that may be written to; undefined if there is none.
Tensor writable_gradient(Tensor tensor) {
  const Tensor gradient = tensor.grad();
  if (!gradient.defined() || gradient.is_contiguous()) return gradient;
  tensor.set_grad(contiguous(gradient));
  return tensor.grad();
}

// The gradients that there are, by ranges of rows.
std::vector<Tensor> gradients_of(const ParameterList& parameters, Granularity by) {
  std::vector<Tensor> all;
  for (const Parameter& parameter : parameters) {
    const Tensor gradient = writable_gradient(parameter.tensor);
    if (!gradient.defined()) continue;
    for (const RowRange& range : row_ranges(parameter, by)) all.push_back(rows(gradient, range));
  }
  return all;
}

// Each times min(1, max_norm / (its norm + 1e-6)); one norm is that of all.
void scale_down(const std::vector<Tensor>& gradients, const Tensor& norms, double max_norm) {
  const Tensor factors = clamp(max_norm / (norms + 1e-6), 0, 1);  // NaN stays NaN
  Updates scale;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    scale.add(rules::Multiply<double>{},
              {.p = gradients[i], .scale = element(factors, norms.numel() == 1 ? 0 : i)});
    gradients[i].mark_changed();
  }
  scale.run();
}

}  // namespace

Tensor grad_norm(const ParameterList& parameters) {
  const NoGrad no_grad;
  return joint_norm(gradients_of(parameters, Granularity::tensor));
}

Tensor clip_grad_norm(const ParameterList& parameters, double max_norm) {
  const NoGrad no_grad;
  const std::vector<Tensor> gradients = gradients_of(parameters, Granularity::tensor);
  const Tensor norm = joint_norm(gradients);
  scale_down(gradients, norm, max_norm);
  return norm;
}

Tensor clip_grad_norm_each(const ParameterList& parameters, double max_norm, Granularity by) {
  const NoGrad no_grad;
  const std::vector<Tensor> gradients = gradients_of(parameters, by);
  if (gradients.empty()) return joint_norm({});
  const Tensor each = norms(gradients);
  scale_down(gradients, each, max_norm);
  return max(each, {}, true);
}

void clip_grad_value(const ParameterList& parameters, double value) {
  for (const Tensor& gradient : gradients_of(parameters, Granularity::tensor)) {
    kernels(gradient).unary(UnaryOp::clamp, gradient, gradient, -value, value);
    gradient.mark_changed();
  }
}

}  // namespace lockstep::optim
