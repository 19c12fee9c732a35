#pragma once

#include "core/tensor.h"

// Elementwise ops. Binary ones broadcast by NumPy's rule and want equal element types: f32, f64, or i64 where
// nothing is divided. With a number, i64 wants a whole one.
namespace lockstep {

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);  // gradient halved between equals; NaN if either is
Tensor minimum(const Tensor& a, const Tensor& b);

Tensor operator+(const Tensor& x, double c);
Tensor operator-(const Tensor& x, double c);
Tensor operator*(const Tensor& x, double c);
Tensor operator/(const Tensor& x, double c);
Tensor operator+(double c, const Tensor& x);
Tensor operator-(double c, const Tensor& x);
Tensor operator*(double c, const Tensor& x);
Tensor operator/(double c, const Tensor& x);
Tensor operator-(const Tensor& x);

// Of one tensor, f32 or f64: x's shape, and PyTorch's name. What is not defined is NaN, as sqrt(-1); no
// error.
Tensor abs(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);  // exp(x) - 1, exact near 0
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);  // log(1 + x), exact near 0
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);  // 1 / sqrt(x)
Tensor square(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor softplus(const Tensor& x);  // log(1 + exp(x))
Tensor erf(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor pow(const Tensor& x, double exponent);
Tensor clamp(const Tensor& x, double low, double high);  // no gradient at the bounds and beyond

// condition ? a : b; condition u8, all broadcast.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

}  // namespace lockstep
