#pragma once

#include "core/parameter.h"

// Clipping changes the gradients in place, between backward() and the step. Parameters without a gradient are
// left out. Norms are f64 numbers on the gradients' device, (1): item() reads one; 0 without any gradient.
// Formulas: torch.nn.utils.clip_grad_norm_ and clip_grad_value_.
namespace lockstep::optim {

// The joint Euclidean norm of all gradients.
Tensor grad_norm(const ParameterList& parameters);

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), norm being their joint norm, which is returned.
Tensor clip_grad_norm(const ParameterList& parameters, double max_norm);

// The same for every range of rows on its own: each stored tensor, logical part or head has its own norm.
// Returns the largest.
Tensor clip_grad_norm_each(const ParameterList& parameters, double max_norm, Granularity by);

// Limits every element of the gradients to [-value, value].
void clip_grad_value(const ParameterList& parameters, double value);

}  // namespace lockstep::optim
