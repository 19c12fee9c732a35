#include "core/ops/activations.h"

#include <limits>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/checks.h"
#include "core/ops/comparisons.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/unary.h"

namespace lockstep {

namespace {

// d gelu / dx. Its own slope: phi(x) (2 - x^2) for the exact form; with t = tanh u of the approximation,
// (1 - t^2) (u' + x u'' / 2 - x t u'^2).
Tensor gelu_slope(const Tensor& x, Gelu form) {
  if (form == Gelu::exact) {
    return record("gelu_slope", unary("gelu_slope", UnaryOp::gelu_slope, x),
                  wrt(x, [x = saved(x)](const Tensor& dy) {
                    const Tensor squared = square(x());
                    return dy * (exp(squared * -0.5) * (2 - squared) * inv_sqrt_2pi);
                  }));
  }
  return record(
      "gelu_slope", unary("gelu_slope", UnaryOp::gelu_tanh_slope, x),
      wrt(x, [x = saved(x)](const Tensor& dy) {
        const Tensor squared = square(x());
        const Tensor t = tanh(x() * (squared * gelu_cubic + 1) * gelu_scale);
        const Tensor du = (squared * (3 * gelu_cubic) + 1) * gelu_scale;
        return dy * ((1 - square(t)) * (du + squared * (3 * gelu_cubic * gelu_scale) - x() * t * square(du)));
      }));
}

// The largest elements along dim, of which there may be none.
Tensor largest(const Tensor& x, int dim) {
  return x.size(dim) == 0 ? sum(x, {dim}, true) : max(x, {dim}, true);
}

// dx = y (dy - sum(dy y))
Tensor record_softmax(const Tensor& x, const Tensor& y, int dim) {
  return record("softmax", y, wrt(x, [dim](const Tensor& dy, const Tensor& out) {
                  return out * (dy - sum(dy * out, {dim}, true));
                }));
}

// x where x > 0, else alpha (exp(inner x) - 1). Its slope's own slope: 0 where x > 0, else inner slope.
Tensor elu_of(const char* name, const Tensor& x, double alpha, double inner) {
  const auto slope = [alpha, inner](const Tensor& at) {
    return record("elu_slope", unary("elu_slope", UnaryOp::elu_slope, at, alpha, inner),
                  wrt(at, [at = saved(at), inner](const Tensor& dy, const Tensor& out) {
                    return dy * out * ((1 - unary("step", UnaryOp::step, at())) * inner);
                  }));
  };
  return record(name, unary(name, UnaryOp::elu, x, alpha, inner),
                wrt(x, [x = saved(x), slope](const Tensor& dy) { return dy * slope(x()); }));
}

}  // namespace

Tensor softmax(const Tensor& x, int dim) {
  normalize_dim(dim, x.rank(), "softmax");
  check_real("softmax", x);
  Tensor y;
  {
    const NoGrad no_grad;
    const Tensor shifted = exp(x - largest(x, dim));
    y = shifted / sum(shifted, {dim}, true);
  }
  return record_softmax(x, y, dim);
}

// The sum is 1 at least, or 0 where there was nothing to shift by.
Tensor masked_softmax(const Tensor& x, int dim) {
  normalize_dim(dim, x.rank(), "masked_softmax");
  check_real("masked_softmax", x);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Tensor y;
  {
    const NoGrad no_grad;
    const Tensor shifted = exp(x - clamp(largest(x, dim), -largest_of(x.dtype()), infinity));
    y = shifted / clamp(sum(shifted, {dim}, true), 1, infinity);
  }
  return record_softmax(x, y, dim);
}

// dx = dy - exp(y) sum(dy)
Tensor log_softmax(const Tensor& x, int dim) {
  normalize_dim(dim, x.rank(), "log_softmax");
  check_real("log_softmax", x);
  Tensor y;
  {
    const NoGrad no_grad;
    const Tensor shifted = x - largest(x, dim);
    y = shifted - log(sum(exp(shifted), {dim}, true));
  }
  return record("log_softmax", y, wrt(x, [dim](const Tensor& dy, const Tensor& out) {
                  return dy - exp(out) * sum(dy, {dim}, true);
                }));
}

// dx = dy gelu'(x)
Tensor gelu(const Tensor& x, Gelu form) {
  return record("gelu", unary("gelu", form == Gelu::exact ? UnaryOp::gelu : UnaryOp::gelu_tanh, x),
                wrt(x, [x = saved(x), form](const Tensor& dy) { return dy * gelu_slope(x(), form); }));
}

// s = sigmoid(x):  dx = dy s (1 + x (1 - s))
Tensor silu(const Tensor& x) {
  return record("silu", unary("silu", UnaryOp::silu, x), wrt(x, [x = saved(x)](const Tensor& dy) {
                  const Tensor s = sigmoid(x());
                  return dy * (s * (1 + x() * (1 - s)));
                }));
}

Tensor elu(const Tensor& x, double alpha) { return elu_of("elu", x, alpha, 1); }
Tensor celu(const Tensor& x, double alpha) { return elu_of("celu", x, alpha, 1 / alpha); }
Tensor selu(const Tensor& x) {
  constexpr double alpha = 1.6732632423543772848170429916717, scale = 1.0507009873554804934193349852946;
  return scale * elu_of("selu", x, alpha, 1);
}

// dslope = dy x where x <= 0
Tensor prelu(const Tensor& x, const Tensor& slope) {
  const Tensor positive = x > 0, zero = zeros({}, x.options());
  return where(positive, x, slope * where(positive, zero, x));
}

// dx = dy where x > 0, slope dy elsewhere
Tensor leaky_relu(const Tensor& x, double slope) {
  return record("leaky_relu", unary("leaky_relu", UnaryOp::leaky_relu, x, slope),
                wrt(x, [x = saved(x), slope](const Tensor& dy) {
                  return dy * (unary("step", UnaryOp::step, x()) * (1 - slope) + slope);
                }));
}

// dx = dy mask
Tensor dropout(const Tensor& x, double rate, const KeyedStream& stream) {
  check(rate >= 0 && rate <= 1, "[dropout] the rate must lie in [0, 1], got {}", rate);
  check_real("dropout", x);
  if (rate == 0) return x;
  const Tensor mask = empty_like(x);
  kernels(mask).bernoulli(mask, stream, 1 - rate, rate == 1 ? 0 : 1 / (1 - rate));
  return x * mask;
}

}  // namespace lockstep
