#pragma once

#include "core/tensor.h"

namespace lockstep {

// What ops ask of their inputs' element types. Each throws an Error that names the op and says what to do.

inline void check_real(const char* op, const Tensor& x) {
  check(is_real(x.dtype()), "[{}] expected f32 or f64, got {}: convert it with to()", op, describe(x));
}

inline void check_same_type(const char* op, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), "[{}] element types differ: {} and {}: convert one with to()", op,
        describe(a), describe(b));
}

}  // namespace lockstep
