#include "core/ops/activations.h"

#include <span>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/random/keyed_stream.h"

namespace lockstep {

namespace {

Tensor unary(UnaryOp op, const Tensor& x, double a = 0) {
  Tensor y = empty_like(x);
  kernels(y).unary(op, y, x, a, 0);
  return y;
}

// d gelu / dx. Its own slope: phi(x) (2 - x^2) for the exact form; with t = tanh u of the approximation,
// (1 - t^2) (u' + x u'' / 2 - x t u'^2).
Tensor gelu_slope(const Tensor& x, Gelu form) {
  if (form == Gelu::exact) {
    return record("gelu_slope", unary(UnaryOp::gelu_slope, x), wrt(x, [x = saved(x)](const Tensor& dy) {
                    const Tensor squared = square(x());
                    return dy * (exp(squared * -0.5) * (2 - squared) * inv_sqrt_2pi);
                  }));
  }
  return record(
      "gelu_slope", unary(UnaryOp::gelu_tanh_slope, x), wrt(x, [x = saved(x)](const Tensor& dy) {
        const Tensor squared = square(x());
        const Tensor t = tanh(x() * (squared * gelu_cubic + 1) * gelu_scale);
        const Tensor du = (squared * (3 * gelu_cubic) + 1) * gelu_scale;
        return dy * ((1 - square(t)) * (du + squared * (3 * gelu_cubic * gelu_scale) - x() * t * square(du)));
      }));
}

}  // namespace

// dx = y (dy - sum(dy y))
Tensor softmax(const Tensor& x, int dim) {
  normalize_dim(dim, x.rank(), "softmax");
  Tensor y;
  {
    const NoGrad no_grad;
    const Tensor shifted = exp(x - max(x, {dim}, true));
    y = shifted / sum(shifted, {dim}, true);
  }
  return record("softmax", y, wrt(x, [dim](const Tensor& dy, const Tensor& out) {
                  return out * (dy - sum(dy * out, {dim}, true));
                }));
}

// dx = dy - exp(y) sum(dy)
Tensor log_softmax(const Tensor& x, int dim) {
  normalize_dim(dim, x.rank(), "log_softmax");
  Tensor y;
  {
    const NoGrad no_grad;
    const Tensor shifted = x - max(x, {dim}, true);
    y = shifted - log(sum(exp(shifted), {dim}, true));
  }
  return record("log_softmax", y, wrt(x, [dim](const Tensor& dy, const Tensor& out) {
                  return dy - exp(out) * sum(dy, {dim}, true);
                }));
}

// dx = dy gelu'(x)
Tensor gelu(const Tensor& x, Gelu form) {
  return record("gelu", unary(form == Gelu::exact ? UnaryOp::gelu : UnaryOp::gelu_tanh, x),
                wrt(x, [x = saved(x), form](const Tensor& dy) { return dy * gelu_slope(x(), form); }));
}

// s = sigmoid(x):  dx = dy s (1 + x (1 - s))
Tensor silu(const Tensor& x) {
  return record("silu", unary(UnaryOp::silu, x), wrt(x, [x = saved(x)](const Tensor& dy) {
                  const Tensor s = sigmoid(x());
                  return dy * (s * (1 + x() * (1 - s)));
                }));
}

// dx = dy where x > 0, slope dy elsewhere
Tensor leaky_relu(const Tensor& x, double slope) {
  return record("leaky_relu", unary(UnaryOp::leaky_relu, x, slope),
                wrt(x, [x = saved(x), slope](const Tensor& dy) {
                  return dy * (unary(UnaryOp::step, x()) * (1 - slope) + slope);
                }));
}

// dx = dy mask
Tensor dropout(const Tensor& x, double rate, const KeyedStream& stream) {
  check(rate >= 0 && rate <= 1, "[dropout] the rate must lie in [0, 1], got {}", rate);
  if (rate == 0) return x;
  const Tensor mask = empty(x.shape(), x.options());
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T kept = rate == 1 ? T(0) : static_cast<T>(1 / (1 - rate));
    stream.fill_bernoulli(std::span(mask.data<T>(), static_cast<std::size_t>(mask.numel())), 1 - rate, 0,
                          kept);
  });
  return x * mask;
}

}  // namespace lockstep
