#include "optim/newton_schulz.h"

#include <algorithm>
#include <cmath>

#include "core/kernels.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

Tensor transposed(const Tensor& x) {
  return x.view({x.size(1), x.size(0)}, {x.strides()[1], x.strides()[0]}, x.offset());
}

void add_to_diagonal(const Tensor& square, double value) {
  const std::int64_t n = square.size(0);
  const Tensor diagonal = square.view({n}, {n + 1}, square.offset());
  kernels(square).unary(UnaryOp::add_constant, diagonal, diagonal, value, 0);
}

}  // namespace

void orthogonalize(const Tensor& x, const NewtonSchulz& options) {
  const auto [a, b, c] = options.coefficients;
  const bool tall = x.size(0) > x.size(1);
  const std::int64_t small = std::min(x.size(0), x.size(1));
  const Kernels& compute = kernels(x);
  Tensor now = x, next = empty_like(x);
  const Tensor gram = empty({small, small}, x.options()), polynomial = empty_like(gram);

  scale(x, 1 / std::max(std::sqrt(sum_of_squares(x)), options.eps));
  for (int step = 0; step < options.steps; ++step) {
    tall ? compute.matmul(gram, transposed(now), now, false)
         : compute.matmul(gram, now, transposed(now), false);
    compute.matmul(polynomial, gram, gram, false);
    scale(polynomial, c);
    accumulate(polynomial, gram, b);
    add_to_diagonal(polynomial, a);
    tall ? compute.matmul(next, now, polynomial, false) : compute.matmul(next, polynomial, now, false);
    std::swap(now, next);
  }
  if (!now.is_same(x)) compute.copy(x, now);
}

}  // namespace lockstep::optim
