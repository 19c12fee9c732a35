#include "core/ops/comparisons.h"

#include <cmath>

#include "core/kernels.h"
#include "core/ops/checks.h"
#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

Tensor compare(const char* name, CompareOp op, const Tensor& a, const Tensor& b) {
  check_same_type(name, a, b);
  Tensor y = empty(broadcast_shape(a.shape(), b.shape(), name), {DType::u8, a.device()});
  kernels(name, a, b).compare(op, y, a, b);
  return y;
}

// Whole numbers are compared as such, with 0.5 as numbers.
Tensor compare(const char* name, CompareOp op, const Tensor& x, double c) {
  const bool whole = c == std::floor(c) && std::abs(c) < 0x1p63;
  const DType dtype = is_real(x.dtype()) ? x.dtype() : whole ? DType::i64 : DType::f64;
  return compare(name, op, to(x.detach(), dtype), full({}, c, {dtype, x.device()}));
}

}  // namespace

Tensor operator==(const Tensor& a, const Tensor& b) { return compare("==", CompareOp::equal, a, b); }
Tensor operator!=(const Tensor& a, const Tensor& b) { return compare("!=", CompareOp::not_equal, a, b); }
Tensor operator<(const Tensor& a, const Tensor& b) { return compare("<", CompareOp::less, a, b); }
Tensor operator<=(const Tensor& a, const Tensor& b) { return compare("<=", CompareOp::less_equal, a, b); }
Tensor operator>(const Tensor& a, const Tensor& b) { return compare(">", CompareOp::greater, a, b); }
Tensor operator>=(const Tensor& a, const Tensor& b) { return compare(">=", CompareOp::greater_equal, a, b); }

Tensor operator==(const Tensor& x, double c) { return compare("==", CompareOp::equal, x, c); }
Tensor operator!=(const Tensor& x, double c) { return compare("!=", CompareOp::not_equal, x, c); }
Tensor operator<(const Tensor& x, double c) { return compare("<", CompareOp::less, x, c); }
Tensor operator<=(const Tensor& x, double c) { return compare("<=", CompareOp::less_equal, x, c); }
Tensor operator>(const Tensor& x, double c) { return compare(">", CompareOp::greater, x, c); }
Tensor operator>=(const Tensor& x, double c) { return compare(">=", CompareOp::greater_equal, x, c); }

Tensor isnan(const Tensor& x) { return x != x; }
Tensor isfinite(const Tensor& x) {
  return is_real(x.dtype()) ? abs(x.detach()) <= largest_of(x.dtype()) : x == x;
}

Tensor logical_not(const Tensor& mask) { return mask == 0; }
Tensor logical_and(const Tensor& a, const Tensor& b) { return where(a, b, zeros({}, b.options())); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return where(a, ones({}, b.options()), b); }

Tensor any(const Tensor& x, const DimList& dims, bool keepdim) { return sum(x != 0, dims, keepdim) != 0; }
Tensor all(const Tensor& x, const DimList& dims, bool keepdim) { return sum(x == 0, dims, keepdim) == 0; }

}  // namespace lockstep
