#pragma once

#include <cstdint>

#include "core/formulas.h"

// GELU, f32 and f64: x P(x) with P the normal distribution's probability below x ("exact"), or its tanh form,
// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. https://arxiv.org/abs/1606.08415
namespace lockstep::cpu {

// y = gelu(x); y may be x.
template <typename T>
void gelu_forward(Gelu form, T* y, const T* x, std::int64_t n);

// slope = gelu'(x); slope may be x.
template <typename T>
void gelu_slope(Gelu form, T* slope, const T* x, std::int64_t n);

// Both at once; y or slope may be x.
template <typename T>
void gelu_and_slope(Gelu form, T* y, T* slope, const T* x, std::int64_t n);

}  // namespace lockstep::cpu
