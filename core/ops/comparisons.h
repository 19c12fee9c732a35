#pragma once

#include "core/ops/reduce.h"

// Comparisons, element by element and broadcast, give u8 masks: 1 where they hold, else 0, as where() and
// masked_fill() take them. NaN equals nothing. No gradients.
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

Tensor isnan(const Tensor& x);
Tensor isfinite(const Tensor& x);

// On masks.
Tensor logical_not(const Tensor& mask);
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
// Whether any element, and whether every one, is not 0; over no dims: over all.
Tensor any(const Tensor& x, const DimList& dims = {}, bool keepdim = false);
Tensor all(const Tensor& x, const DimList& dims = {}, bool keepdim = false);

}  // namespace lockstep
