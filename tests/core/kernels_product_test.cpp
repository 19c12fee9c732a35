#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/cpu/simd/product.h"
#include "tests/core/kernels_support.h"

namespace lockstep::cpu::test {
namespace {

template <typename T>
std::vector<T> numbers(std::int64_t count, std::uint32_t seed) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<T>(static_cast<double>(seed) / 4294967296.0 - 0.5);
  }
  return values;
}

struct ProductCase {
  std::int64_t m, n, k, extra;  // unused numbers at the end of a row of each factor
  bool trans_a, trans_b, accumulate, with_bias;
};

// What is copied, dealt out or cut differs with the sizes and strides: few rows of c or many, more than 512
// columns, one or more blocks of k, and rows that are multiples of 4096 bytes apart.
std::vector<ProductCase> cases() {
  constexpr std::int64_t shapes[][4] = {{25, 70, 800, 1},     {192, 16, 385, 0},  {200, 70, 40, 3},
                                        {200, 40, 50, 3},     {30, 33, 390, 634}, {200, 530, 10, 0},
                                        {100, 70, 400, 1648}, {60, 70, 400, 954}};
  std::vector<ProductCase> all;
  for (const auto& [m, n, k, extra] : shapes) {
    for (int i = 0; i < 16; ++i)
      all.push_back({m, n, k, extra, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0});
  }
  return all;
}

template <typename T>
struct Made {
  explicit Made(const ProductCase& x)
      : lda((x.trans_a ? x.m : x.k) + x.extra),
        ldb((x.trans_b ? x.k : x.n) + x.extra),
        ldc(x.n + 5),
        a(numbers<T>((x.trans_a ? x.k : x.m) * lda, 1)),
        b(numbers<T>((x.trans_b ? x.n : x.k) * ldb, 2)),
        c(numbers<T>(x.m * ldc, 3)),
        bias(numbers<T>(x.n, 4)) {}

  Factor<T> left(const ProductCase& x) const { return {a.data(), x.trans_a ? 1 : lda, x.trans_a ? lda : 1}; }
  Factor<T> right(const ProductCase& x) const { return {b.data(), x.trans_b ? 1 : ldb, x.trans_b ? ldb : 1}; }

  std::vector<T> result(const ProductCase& x) const {
    std::vector<T> y = c;
    product<T>(x.m, x.n, x.k, left(x), right(x), x.accumulate, y.data(), ldc,
               x.with_bias ? bias.data() : nullptr);
    return y;
  }

  std::int64_t lda, ldb, ldc;
  std::vector<T> a, b, c, bias;
};

std::vector<std::int64_t> product_targets() {
  std::vector<std::int64_t> with;
  for (const std::int64_t target : targets()) {
    if (target == HWY_AVX2 || target == HWY_AVX3) with.push_back(target);
  }
  return with;
}

class ProductKernel : public KernelTest {
 protected:
  template <typename T>
  void equals_plain_sums() {
    for (const ProductCase& x : cases()) {
      const Made<T> made(x);
      const std::vector<T> got = made.result(x);
      const Factor<T> a = made.left(x), b = made.right(x);
      for (std::int64_t i = 0; i < x.m; ++i) {
        for (std::int64_t j = 0; j < made.ldc; ++j) {
          const T before = made.c[static_cast<std::size_t>(i * made.ldc + j)];
          const T now = got[static_cast<std::size_t>(i * made.ldc + j)];
          if (j >= x.n) {
            ASSERT_EQ(now, before) << "beyond the columns nothing is written";
            continue;
          }
          double sum = 0;
          for (std::int64_t q = 0; q < x.k; ++q)
            sum += double{a.data[i * a.row_stride + q * a.column_stride]} *
                   b.data[q * b.row_stride + j * b.column_stride];
          if (x.accumulate) sum += before;
          if (x.with_bias) sum += made.bias[static_cast<std::size_t>(j)];
          ASSERT_NEAR(now, sum, 4 * std::sqrt(static_cast<double>(x.k)) * epsilon<T>)
              << x.m << " x " << x.n << " x " << x.k << (x.trans_a ? ", a^T" : "")
              << (x.trans_b ? ", b^T" : "") << (x.accumulate ? ", added" : "")
              << (x.with_bias ? ", bias" : "") << ", at " << i << ", " << j;
        }
      }
    }
  }
};

TEST_P(ProductKernel, EqualsPlainSums) {
  equals_plain_sums<float>();
  equals_plain_sums<double>();
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProductKernel);  // without AVX2
INSTANTIATE_TEST_SUITE_P(Targets, ProductKernel, testing::ValuesIn(product_targets()), target_name);

// So that results move between processors with AVX2 and with AVX-512.
TEST(Product, HasTheSameBitsInVectorsOfAnyWidth) {
  const std::vector<std::int64_t> all = product_targets();
  if (all.size() < 2) GTEST_SKIP() << "this build, or this processor, has not both AVX2 and AVX-512";
  for (const ProductCase& x : cases()) {
    const Made<float> made(x);
    std::vector<std::vector<float>> results;
    for (const std::int64_t target : all) {
      hwy::SetSupportedTargetsForTest(target);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      results.push_back(made.result(x));
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    ASSERT_EQ(results[0], results[1]) << x.m << " x " << x.n << " x " << x.k;
  }
}

}  // namespace
}  // namespace lockstep::cpu::test
