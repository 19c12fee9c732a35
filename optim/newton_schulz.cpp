#include "optim/newton_schulz.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/ops.h"
#include "optim/matrix.h"
#include "optim/updates.h"

namespace lockstep::optim {

namespace {

void round_to_bfloat16(const Tensor& x) { kernels(x).unary(UnaryOp::bfloat16, x, x, 0, 0); }

// y = keep y + factor x
void add(const Tensor& y, const Tensor& x, double keep, double factor) {
  const UpdateTensors tensors{y, x};
  kernels(y).update(rules::Add<double>{keep, factor}, {&tensors, 1}, {});
}

// x / max(|x|, eps) for each matrix, as a copy.
Tensor normalized(const Tensor& x, const NewtonSchulz& o) {
  const Tensor y = clone(x);
  if (o.bfloat16) round_to_bfloat16(y);
  const Dims matrix = {y.size(-2), y.size(-1)};
  std::vector<Tensor> matrices;
  for (std::int64_t offset = 0; offset < y.numel(); offset += matrix.numel()) {
    matrices.push_back(y.view(matrix, {matrix[1], 1}, y.offset() + offset));
  }
  Tensor norm = norms(matrices);
  if (o.bfloat16) round_to_bfloat16(norm);
  const Tensor factors = 1 / clamp(norm, o.eps, infinity);
  Updates divide;
  for (std::size_t i = 0; i < matrices.size(); ++i) {
    divide.add(rules::Multiply<double>{}, {.p = matrices[i], .scale = element(factors, i)});
  }
  divide.run();
  if (o.bfloat16) round_to_bfloat16(y);
  return y;
}

// x = a x + (b A + c A^2) x, `steps` times. x is used up.
Tensor iterate(Tensor x, const NewtonSchulz& o) {
  const auto [a, b, c] = o.coefficients;
  const bool tall = x.size(-2) > x.size(-1);
  Dims square = x.shape();
  square[x.rank() - 1] = square[x.rank() - 2] = std::min(x.size(-2), x.size(-1));
  const Kernels& compute = kernels(x);
  Tensor next = empty_like(x);
  const Tensor gram = empty(square, x.options()), polynomial = empty_like(gram);
  const auto round = [&](const Tensor& y) {
    if (o.bfloat16) round_to_bfloat16(y);
  };
  for (int step = 0; step < o.steps; ++step) {
    const Tensor transposed = transpose(x, -2, -1);
    tall ? compute.matmul(gram, transposed, x, false, {}) : compute.matmul(gram, x, transposed, false, {});
    round(gram);
    compute.matmul(polynomial, gram, gram, false, {});
    add(polynomial, gram, c, b);
    round(polynomial);
    tall ? compute.matmul(next, x, polynomial, false, {}) : compute.matmul(next, polynomial, x, false, {});
    add(next, x, 1, a);
    round(next);
    std::swap(x, next);
  }
  return x;
}

}  // namespace

Tensor orthogonalize(const Tensor& x, const NewtonSchulz& options) {
  const NoGrad no_grad;
  return iterate(normalized(x, options), options);
}

Tensor polar_factor(const Tensor& x) {
  const NoGrad no_grad;
  const NewtonSchulz cubic{.coefficients = {1.5, -0.5, 0}, .steps = 8};
  return to(iterate(orthogonalize(to(x, DType::f64), {.steps = 16, .eps = 1e-150}), cubic), x.dtype());
}

}  // namespace lockstep::optim
