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
    const Tensor x = irregular_matrix(rows);
    orthogonalize(x, {});
    // The trace of X X^T is the sum of the squared singular values.
    const double mean = sum(x * x).item() / static_cast<double>(std::min(rows, model_d));
    EXPECT_NEAR(mean, 1, 0.3) << rows;
  }
}

TEST(NewtonSchulz, ATallMatrixIsTheTransposedWideOne) {
  const Tensor tall = irregular_matrix(20), wide = clone(transpose(tall, 0, 1));
  orthogonalize(tall, {});
  orthogonalize(wide, {});
  const std::vector<double> a = clone(transpose(tall, 0, 1)).to_vector(), b = wide.to_vector();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12);
}

TEST(NewtonSchulz, InBfloat16AsFarAsItsDigitsGo) {
  const Tensor exact = irregular_matrix(3), rounded = irregular_matrix(3);
  orthogonalize(exact, {});
  orthogonalize(rounded, {.bfloat16 = true});
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
