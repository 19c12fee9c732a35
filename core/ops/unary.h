#pragma once

#include "core/kernels.h"

namespace lockstep {

// f(x; a, b) element by element, without history: for ops, which record it. `name` stands in the error for
// what is not real.
Tensor unary(const char* name, UnaryOp op, const Tensor& x, double a = 0, double b = 0);

}  // namespace lockstep
