#pragma once

#include <cstdint>

// GELU, f32 and f64: x P(x) with P the normal distribution's probability below x ("exact"), or its tanh form,
// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. https://arxiv.org/abs/1606.08415
namespace lockstep::cpu {

enum class Gelu : std::uint8_t { exact, tanh };

// y = gelu(x); y may be x.
template <typename T>
void gelu_forward(Gelu form, T* y, const T* x, std::int64_t n);

// dx = dy gelu'(x); dx may be dy.
template <typename T>
void gelu_backward(Gelu form, T* dx, const T* dy, const T* x, std::int64_t n);

// z += bias, y = gelu(z): what follows a matrix product that wrote z, (rows, width). The z with bias is what
// gelu_backward wants.
template <typename T>
void bias_gelu_forward(Gelu form, T* y, T* z, const T* bias, std::int64_t rows, std::int64_t width);

}  // namespace lockstep::cpu
