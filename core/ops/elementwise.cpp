#include "core/ops/elementwise.h"

#include <cmath>
#include <numbers>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/checks.h"
#include "core/ops/unary.h"

namespace lockstep {

namespace {

Tensor binary(const char* name, BinaryOp op, const Tensor& a, const Tensor& b) {
  check_same_type(name, a, b);
  check(is_real(a.dtype()) || (a.dtype() == DType::i64 && op != BinaryOp::div),
        "[{}] is not for {}: convert it with to()", name, describe(a));
  Tensor y = empty(broadcast_shape(a.shape(), b.shape(), name), a.options());
  kernels(name, a, b).binary(op, y, a, b);
  return y;
}

// d maximum(a, b) / da.
Tensor share(const Tensor& a, const Tensor& b) { return binary("share", BinaryOp::share, a, b); }

Tensor same(const Tensor& dy) { return dy; }

// A constant for arithmetic with whole numbers.
Tensor whole(const char* name, double c, const Tensor& x) {
  check(c == std::floor(c) && std::abs(c) < 0x1p63,
        "[{}] {} is no whole number, as {} has: convert x with to()", name, c, describe(x));
  return full({}, c, x.options());
}

}  // namespace

Tensor unary(const char* name, UnaryOp op, const Tensor& x, double a, double b) {
  check_real(name, x);
  Tensor y = empty_like(x);
  kernels(y).unary(op, y, x, a, b);
  return y;
}

// y = a + b
Tensor operator+(const Tensor& a, const Tensor& b) {
  return record("add", binary("add", BinaryOp::add, a, b), wrt(a, same), wrt(b, same));
}

// y = a - b
Tensor operator-(const Tensor& a, const Tensor& b) {
  return record("sub", binary("sub", BinaryOp::sub, a, b), wrt(a, same),
                wrt(b, [](const Tensor& dy) { return -dy; }));
}

// y = a b;  da = dy b, db = dy a
Tensor operator*(const Tensor& a, const Tensor& b) {
  return record("mul", binary("mul", BinaryOp::mul, a, b),
                wrt(a, [b = saved(b)](const Tensor& dy) { return dy * b(); }),
                wrt(b, [a = saved(a)](const Tensor& dy) { return dy * a(); }));
}

// y = a / b;  da = dy / b, db = -dy y / b
Tensor operator/(const Tensor& a, const Tensor& b) {
  return record("div", binary("div", BinaryOp::div, a, b),
                wrt(a, [b = saved(b)](const Tensor& dy) { return dy / b(); }),
                wrt(b, [b = saved(b)](const Tensor& dy, const Tensor& y) { return -(dy * y) / b(); }));
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  return record("maximum", binary("maximum", BinaryOp::maximum, a, b),
                wrt(a, [a = saved(a), b = saved(b)](const Tensor& dy) { return dy * share(a(), b()); }),
                wrt(b, [a = saved(a), b = saved(b)](const Tensor& dy) { return dy * share(b(), a()); }));
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  return record("minimum", binary("minimum", BinaryOp::minimum, a, b),
                wrt(a, [a = saved(a), b = saved(b)](const Tensor& dy) { return dy * share(b(), a()); }),
                wrt(b, [a = saved(a), b = saved(b)](const Tensor& dy) { return dy * share(a(), b()); }));
}

Tensor operator+(const Tensor& x, double c) {
  if (x.dtype() == DType::i64) return x + whole("add", c, x);
  return record("add", unary("add", UnaryOp::add_constant, x, c), wrt(x, same));
}
Tensor operator*(const Tensor& x, double c) {
  if (x.dtype() == DType::i64) return x * whole("mul", c, x);
  return record("mul", unary("mul", UnaryOp::mul_constant, x, c),
                wrt(x, [c](const Tensor& dy) { return dy * c; }));
}
Tensor operator-(const Tensor& x, double c) { return x + (-c); }
Tensor operator/(const Tensor& x, double c) {
  check_real("div", x);
  return x * (1 / c);
}
Tensor operator+(double c, const Tensor& x) { return x + c; }
Tensor operator-(double c, const Tensor& x) { return -x + c; }
Tensor operator*(double c, const Tensor& x) { return x * c; }

// y = 1/x (c = 1);  dx = -dy y^2
Tensor operator/(double c, const Tensor& x) {
  const Tensor y = record("reciprocal", unary("reciprocal", UnaryOp::reciprocal, x),
                          wrt(x, [](const Tensor& dy, const Tensor& out) { return -(dy * square(out)); }));
  return c == 1 ? y : y * c;
}

Tensor operator-(const Tensor& x) {
  if (x.dtype() == DType::i64) return x * -1;
  return record("neg", unary("neg", UnaryOp::neg, x), wrt(x, [](const Tensor& dy) { return -dy; }));
}

// dx = dy sign(x)
Tensor abs(const Tensor& x) {
  return record("abs", unary("abs", UnaryOp::abs, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy * unary("sign", UnaryOp::sign, x()); }));
}

// dx = dy y
Tensor exp(const Tensor& x) {
  return record("exp", unary("exp", UnaryOp::exp, x),
                wrt(x, [](const Tensor& dy, const Tensor& y) { return dy * y; }));
}

// dx = dy (y + 1)
Tensor expm1(const Tensor& x) {
  return record("expm1", unary("expm1", UnaryOp::expm1, x),
                wrt(x, [](const Tensor& dy, const Tensor& y) { return dy * (y + 1); }));
}

// dx = dy / x
Tensor log(const Tensor& x) {
  return record("log", unary("log", UnaryOp::log, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy / x(); }));
}

// dx = dy / (1 + x)
Tensor log1p(const Tensor& x) {
  return record("log1p", unary("log1p", UnaryOp::log1p, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy / (x() + 1); }));
}

// dx = dy / (2 y)
Tensor sqrt(const Tensor& x) {
  return record("sqrt", unary("sqrt", UnaryOp::sqrt, x),
                wrt(x, [](const Tensor& dy, const Tensor& y) { return dy / (y * 2); }));
}

// dx = -dy y^3 / 2
Tensor rsqrt(const Tensor& x) {
  return record("rsqrt", unary("rsqrt", UnaryOp::rsqrt, x),
                wrt(x, [](const Tensor& dy, const Tensor& y) { return dy * (square(y) * y) * -0.5; }));
}

// dx = 2 dy x
Tensor square(const Tensor& x) {
  return record("square", unary("square", UnaryOp::square, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy * x() * 2; }));
}

// dx = dy cos(x)
Tensor sin(const Tensor& x) {
  return record("sin", unary("sin", UnaryOp::sin, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy * cos(x()); }));
}

// dx = -dy sin(x)
Tensor cos(const Tensor& x) {
  return record("cos", unary("cos", UnaryOp::cos, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return -(dy * sin(x())); }));
}

// dx = dy (1 - y^2)
Tensor tanh(const Tensor& x) {
  return record("tanh", unary("tanh", UnaryOp::tanh, x),
                wrt(x, [](const Tensor& dy, const Tensor& y) { return dy * (1 - square(y)); }));
}

// dx = dy y (1 - y)
Tensor sigmoid(const Tensor& x) {
  return record("sigmoid", unary("sigmoid", UnaryOp::sigmoid, x),
                wrt(x, [](const Tensor& dy, const Tensor& y) { return dy * (y * (1 - y)); }));
}

// dx = dy sigmoid(x)
Tensor softplus(const Tensor& x) {
  return record("softplus", unary("softplus", UnaryOp::softplus, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy * sigmoid(x()); }));
}

// dx = dy 2/sqrt(pi) exp(-x^2)
Tensor erf(const Tensor& x) {
  return record("erf", unary("erf", UnaryOp::erf, x), wrt(x, [x = saved(x)](const Tensor& dy) {
                  return dy * (exp(-square(x())) * (2 * std::numbers::inv_sqrtpi));
                }));
}

// dx = dy [x > 0], and dy at NaN
Tensor relu(const Tensor& x) {
  return record("relu", unary("relu", UnaryOp::relu, x),
                wrt(x, [x = saved(x)](const Tensor& dy) { return dy * unary("step", UnaryOp::step, x()); }));
}

// dx = dy exponent x^(exponent - 1)
Tensor pow(const Tensor& x, double exponent) {
  return record("pow", unary("pow", UnaryOp::pow_constant, x, exponent),
                wrt(x, [x = saved(x), exponent](const Tensor& dy) {
                  return exponent == 0 ? dy * 0.0 : dy * (pow(x(), exponent - 1) * exponent);
                }));
}

// dx = dy [low < x < high]
Tensor clamp(const Tensor& x, double low, double high) {
  return record("clamp", unary("clamp", UnaryOp::clamp, x, low, high),
                wrt(x, [x = saved(x), low, high](const Tensor& dy) {
                  return dy * unary("inside", UnaryOp::inside, x(), low, high);
                }));
}

// da = dy where the condition holds, db = dy elsewhere
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check(condition.dtype() == DType::u8, "[where] the condition must be u8, got {}", describe(condition));
  check_same_type("where", a, b);
  Tensor y =
      empty(broadcast_shape(broadcast_shape(a.shape(), b.shape(), "where"), condition.shape(), "where"),
            a.options());
  kernels("where", a, b, condition).where(y, condition, a, b);
  return record(
      "where", y,
      wrt(a, [c = saved(condition)](const Tensor& dy) { return where(c(), dy, zeros({}, dy.options())); }),
      wrt(b, [c = saved(condition)](const Tensor& dy) { return where(c(), zeros({}, dy.options()), dy); }));
}

}  // namespace lockstep
