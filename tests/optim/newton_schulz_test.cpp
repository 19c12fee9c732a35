#include "optim/newton_schulz.h"

#include <gtest/gtest.h>

#include "core/ops.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

Tensor irregular_matrix(std::int64_t rows) {
  const Tensor x = empty({rows, model_d}, {DType::f64});
  fill_rows(x, 0, 0);
  return x;
}

TEST(NewtonSchulz, SingularValuesComeNearOne) {
  for (const std::int64_t rows : {3, 8, 20}) {
    const Tensor x = orthogonalize(irregular_matrix(rows), {});
    // The trace of X X^T is the sum of the squared singular values.
    const double mean = sum(x * x).item() / static_cast<double>(std::min(rows, model_d));
    EXPECT_NEAR(mean, 1, 0.3) << rows;
  }
}

TEST(NewtonSchulz, ATallMatrixIsTheTransposedWideOne) {
  const Tensor x = irregular_matrix(20);
  const Tensor tall = orthogonalize(x, {}), wide = orthogonalize(clone(transpose(x, 0, 1)), {});
  const std::vector<double> a = clone(transpose(tall, 0, 1)).to_vector(), b = wide.to_vector();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12);
}

TEST(NewtonSchulz, ABatchIsItsMatrices) {
  const Tensor a = irregular_matrix(3), b = irregular_matrix(3) * 2 + 1;
  const Tensor batch = orthogonalize(stack({a, b}, 0), {});
  EXPECT_EQ(select(batch, 0, 0).to_vector(), orthogonalize(a, {}).to_vector());
  EXPECT_EQ(select(batch, 0, 1).to_vector(), orthogonalize(b, {}).to_vector());
}

// Q = U V^T: Q Q^T = 1, and Q^T X = V S V^T is symmetric.
TEST(PolarFactor, IsOrthogonalAndLeavesASymmetricFactor) {
  for (const std::int64_t rows : {3, 8, 20}) {
    const Tensor x = irregular_matrix(rows), q = polar_factor(x);
    const Tensor product = rows < model_d ? matmul(q, transpose(q, 0, 1)) : matmul(transpose(q, 0, 1), q);
    const std::vector<double> values = product.to_vector();
    const std::int64_t n = product.size(0);
    for (std::int64_t i = 0; i < n * n; ++i) {
      EXPECT_NEAR(values[static_cast<std::size_t>(i)], i % (n + 1) == 0 ? 1 : 0, 1e-12) << rows;
    }
    const Tensor rest = matmul(transpose(q, 0, 1), x);
    const std::vector<double> difference = (rest - transpose(rest, 0, 1)).to_vector();
    for (const double d : difference) EXPECT_NEAR(d, 0, 1e-11) << rows;
  }
}

TEST(NewtonSchulz, InBfloat16AsFarAsItsDigitsGo) {
  const Tensor exact = orthogonalize(irregular_matrix(3), {});
  const Tensor rounded = orthogonalize(irregular_matrix(3), {.bfloat16 = true});
  const std::vector<double> a = exact.to_vector(), b = rounded.to_vector();
  EXPECT_NE(a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i], b[i], 0.05);
    int exponent = 0;
    const double mantissa = std::frexp(b[i], &exponent) * 256;  // 8 bits
    EXPECT_EQ(mantissa, std::round(mantissa));
  }
}

}  // namespace
}  // namespace lockstep::optim
