#include "optim/newton_schulz.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/ops.h"
#include "optim/matrix.h"
#include "optim/updates.h"

namespace lockstep::optim {

namespace {

void round_to_bfloat16(const Tensor& y, const Tensor& x) { kernels(x).unary(UnaryOp::bfloat16, y, x, 0, 0); }

std::vector<Tensor> matrices_of(std::span<const Tensor> batches) {
  std::vector<Tensor> matrices;
  for (const Tensor& x : batches) {
    const Dims matrix = {x.size(-2), x.size(-1)};
    for (std::int64_t offset = 0; offset < x.numel(); offset += matrix.numel())
      matrices.push_back(x.view(matrix, {matrix[1], 1}, x.offset() + offset));
  }
  return matrices;
}

// y = x / max(|x|, eps) for each matrix.
void normalize(std::span<const Tensor> y, std::span<const Tensor> x, const NewtonSchulz& o) {
  for (std::size_t i = 0; o.bfloat16 && i < x.size(); ++i) round_to_bfloat16(y[i], x[i]);
  const std::vector<Tensor> to = matrices_of(y), from = o.bfloat16 ? to : matrices_of(x);
  Tensor norm = norms(from);
  if (o.bfloat16) round_to_bfloat16(norm, norm);
  const Tensor factors = 1 / clamp(norm, o.eps, infinity);
  Updates divide;
  for (std::size_t i = 0; i < to.size(); ++i)
    divide.add(rules::Take<double>{}, {.p = to[i], .g = from[i], .scale = element(factors, i)});
  divide.run();
  for (std::size_t i = 0; o.bfloat16 && i < y.size(); ++i) round_to_bfloat16(y[i], y[i]);
}

// x = a x + (b A + c A^2) x, `steps` times. The result is in x after an even number of steps, else in `next`;
// both are used up.
void iterate(Tensor x, Tensor next, const NewtonSchulz& o) {
  const auto [a, b, c] = o.coefficients;
  const bool tall = x.size(-2) > x.size(-1);
  Dims square = x.shape();
  square[x.rank() - 1] = square[x.rank() - 2] = std::min(x.size(-2), x.size(-1));
  const Kernels& compute = kernels(x);
  const Tensor gram = empty(square, x.options()), polynomial = empty_like(gram);
  const auto round = [&](const Tensor& y) {
    if (o.bfloat16) round_to_bfloat16(y, y);
  };
  for (int step = 0; step < o.steps; ++step) {
    const Tensor transposed = transpose(x, -2, -1);
    tall ? compute.matmul(gram, transposed, x, false, {}) : compute.matmul(gram, x, transposed, false, {});
    round(gram);
    compute.matmul_plus(polynomial, gram, gram, c, gram, b, {});
    round(polynomial);
    tall ? compute.matmul_plus(next, x, polynomial, 1, x, a, {})
         : compute.matmul_plus(next, polynomial, x, 1, x, a, {});
    round(next);
    std::swap(x, next);
  }
}

std::vector<Tensor> like(std::span<const Tensor> x, DType dtype) {
  std::vector<Tensor> all;
  for (const Tensor& one : x) all.push_back(empty(one.shape(), {dtype, one.device()}));
  return all;
}

}  // namespace

void orthogonalize(std::span<const Tensor> y, std::span<const Tensor> x, const NewtonSchulz& options) {
  if (x.empty()) return;
  const NoGrad no_grad;
  const std::vector<Tensor> others = like(y, y.front().dtype());
  const bool ends_in_other = options.steps % 2 == 1;
  normalize(ends_in_other ? others : y, x, options);
  for (std::size_t i = 0; i < x.size(); ++i)
    ends_in_other ? iterate(others[i], y[i], options) : iterate(y[i], others[i], options);
}

Tensor orthogonalize(const Tensor& x, const NewtonSchulz& options) {
  Tensor y = empty_like(x);
  orthogonalize({&y, 1}, {&x, 1}, options);
  return y;
}

void polar_factors(std::span<const Tensor> y, std::span<const Tensor> x) {
  const NoGrad no_grad;
  const std::vector<Tensor> exact = like(x, DType::f64), factors = like(x, DType::f64);
  for (std::size_t i = 0; i < x.size(); ++i) copy_(exact[i], x[i]);
  orthogonalize(factors, exact, {.steps = 16, .eps = 1e-150});
  for (std::size_t i = 0; i < x.size(); ++i) {
    iterate(factors[i], exact[i], {.coefficients = {1.5, -0.5, 0}, .steps = 8});
    copy_(y[i], factors[i]);
  }
}

Tensor polar_factor(const Tensor& x) {
  Tensor y = empty_like(x);
  polar_factors({&y, 1}, {&x, 1});
  return y;
}

}  // namespace lockstep::optim
