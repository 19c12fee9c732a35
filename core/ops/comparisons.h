#pragma once

#include "core/ops/reduce.h"

// Comparisons, element by element and broadcast, give u8 masks: 1 where they hold, else 0, as where() and
// masked_fill() take them. NaN equals nothing. No gradients. Any element type, the same on both sides.
namespace lockstep {

Tensor operator==(const Tensor& a, const Tensor& b);
Tensor operator!=(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, const Tensor& b);

Tensor operator==(const Tensor& x, double c);
Tensor operator!=(const Tensor& x, double c);
Tensor operator<(const Tensor& x, double c);
Tensor operator<=(const Tensor& x, double c);
Tensor operator>(const Tensor& x, double c);
Tensor operator>=(const Tensor& x, double c);

// Of x's shape, u8.
Tensor isnan(const Tensor& x);
Tensor isfinite(const Tensor& x);

// On u8 masks; two broadcast.
Tensor logical_not(const Tensor& mask);
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
// Whether any element, and whether every one, is not 0: u8, without the dims or with size 1 there; over no
// dims: over all.
Tensor any(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
Tensor all(const Tensor& x, const DimList& dims = {}, bool keepdim = false);

}  // namespace lockstep
