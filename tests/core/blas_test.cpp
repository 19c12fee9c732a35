#include "core/cpu/blas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/cpu/blas_check.h"
#include "core/runtime/parallel.h"

namespace lockstep::cpu {
namespace {

template <typename T>
std::vector<T> normal_numbers(std::int64_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<T> normal;
  std::vector<T> values(count);
  for (T& value : values) value = normal(random);
  return values;
}

template <typename T>
void plain_product(bool trans_a, bool trans_b, int m, int n, int k, T alpha, const T* a, int lda, const T* b,
                   int ldb, T beta, T* c, int ldc) {
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      double sum = 0;
      for (int l = 0; l < k; ++l) {
        sum += double{trans_a ? a[l * lda + i] : a[i * lda + l]} *
               double{trans_b ? b[j * ldb + l] : b[l * ldb + j]};
      }
      c[i * ldc + j] = static_cast<T>(alpha * sum + (beta == 0 ? 0 : double{beta} * c[i * ldc + j]));
    }
  }
}

template <typename T>
class Gemm : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Types);

TYPED_TEST(Gemm, EqualsAPlainLoopForEverySizeAndTranspose) {
  using T = TypeParam;
  const int shapes[][3] = {{0, 3, 2},    {3, 0, 2},     {3, 4, 0},     {1, 1, 1}, {1, 9, 5},
                           {7, 1, 5},    {1, 1, 8},     {5, 6, 7},     {8, 8, 8}, {17, 33, 65},
                           {130, 20, 9}, {29, 64, 400}, {11, 530, 193}};
  const T alphas[] = {T(0.5), T(1), T(0)}, betas[] = {T(0), T(1), T(2)};
  for (const auto& [m, n, k] : shapes) {
    for (int variant = 0; variant < 72; ++variant) {
      const bool trans_a = (variant & 1) != 0, trans_b = (variant & 2) != 0, with_bias = (variant & 4) != 0;
      const T alpha = alphas[variant / 8 % 3], beta = betas[variant / 24];
      const int lda = (trans_a ? m : k) + 2, ldb = (trans_b ? k : n) + 1, ldc = n + 3;
      const std::vector<T> a = normal_numbers<T>((trans_a ? k : m) * lda, 1),
                           b = normal_numbers<T>((trans_b ? n : k) * ldb, 2);
      std::vector<T> c = normal_numbers<T>(m * ldc, 3);
      if (beta == 0) std::fill(c.begin(), c.end(), std::numeric_limits<T>::quiet_NaN());
      std::vector<T> expected = c;
      const std::vector<T> row = normal_numbers<T>(n, 4);
      const T* const bias = with_bias ? row.data() : nullptr;
      plain_product(trans_a, trans_b, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, expected.data(),
                    ldc);
      for (int i = 0; with_bias && i < m * n; ++i) expected[i / n * ldc + i % n] += bias[i % n];
      gemm(trans_a, trans_b, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc, bias);
      for (int i = 0; i < m * ldc; ++i) {
        if (std::isnan(expected[i])) {
          ASSERT_TRUE(std::isnan(c[i])) << "beyond the columns nothing is written";
        } else {
          ASSERT_NEAR(c[i], expected[i], 20 * (1 + std::sqrt(k)) * std::numeric_limits<T>::epsilon())
              << m << " x " << n << " x " << k << ", variant " << variant << ", element " << i;
        }
      }
    }
  }
}

TYPED_TEST(Gemm, HasTheSameBitsOnAnyNumberOfThreads) {
  using T = TypeParam;
  const int shapes[][3] = {{517, 192, 64},  {64, 200, 1031}, {64, 208, 1031}, {300, 129, 400},
                           {129, 300, 400}, {97, 384, 256},  {65, 1040, 97}};
  for (const auto& [m, n, k] : shapes) {
    for (int variant = 0; variant < 4; ++variant) {
      const bool trans_a = (variant & 1) != 0, trans_b = (variant & 2) != 0;
      const std::vector<T> a = normal_numbers<T>(m * k, 1), b = normal_numbers<T>(k * n, 2);
      const auto product = [&, m = m, n = n, k = k](int count) {
        const Threads threads(count);
        std::vector<T> c(m * n);
        gemm(trans_a, trans_b, m, n, k, T(1), a.data(), trans_a ? m : k, b.data(), trans_b ? k : n, T(0),
             c.data(), n);
        return c;
      };
      const std::vector<T> on_one = product(1);
      for (const int count : {2, 3, 5}) {
        ASSERT_EQ(product(count), on_one)
            << m << " x " << n << " x " << k << ", variant " << variant << ", " << count << " threads";
      }
    }
  }
}

TYPED_TEST(Gemm, TakesABatch) {
  using T = TypeParam;
  constexpr int m = 5, n = 4, k = 3;
  const auto compare = [&](int batch, bool trans_a, int stride_a, int stride_b, int stride_c) {
    const std::vector<T> a = normal_numbers<T>(batch * m * k, 1), b = normal_numbers<T>(batch * k * n, 2);
    const int lda = trans_a ? m : k;
    std::vector<T> c = normal_numbers<T>(batch * stride_c, 3), expected = c;
    for (int i = 0; i < batch; ++i) {
      gemm(trans_a, false, m, n, k, T(1), a.data() + i * stride_a, lda, b.data() + i * stride_b, n, T(1),
           expected.data() + i * stride_c, n);
    }
    gemm_batched_strided<T>(batch, trans_a, false, m, n, k, T(1), {a.data(), lda, stride_a},
                            {b.data(), n, stride_b}, T(1), {c.data(), n, stride_c});
    for (std::size_t i = 0; i < c.size(); ++i)
      ASSERT_NEAR(c[i], expected[i], 20 * std::numeric_limits<T>::epsilon());
  };
  for (const int count : {1, 2}) {
    const Threads threads(count);
    compare(7, false, m * k, k * n, m * n + 1);
    compare(7, false, m * k, 0, m * n);
    compare(7, false, m * k, 0, m * n + 1);
    compare(7, true, m * k, 0, m * n);
    compare(7, false, 0, k * n, m * n);
    compare(0, false, m * k, k * n, m * n);
  }
}

TEST(BlasCheck, FindsWhatIsWrong) {
  EXPECT_EQ(find_wrong_product<float>(plain_product<float>), "");
  const Product<double> skips_the_last_row_of_b = [](bool trans_a, bool trans_b, int m, int n, int k,
                                                     auto... rest) {
    plain_product(trans_a, trans_b, m, n, k > 256 ? k - 1 : k, rest...);
  };
  EXPECT_NE(find_wrong_product<double>(skips_the_last_row_of_b).find("f64 product (2, 500) x (500, 3)"),
            std::string::npos)
      << find_wrong_product<double>(skips_the_last_row_of_b);
  const Product<float> reads_what_it_should_not = [](bool trans_a, bool trans_b, int m, int n, int k,
                                                     float alpha, const float* a, int lda, const float* b,
                                                     int ldb, float beta, float* c, int ldc) {
    const float old = c[0];
    plain_product(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    c[0] += 0 * old;
  };
  EXPECT_NE(find_wrong_product<float>(reads_what_it_should_not), "");
}

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512cd");
#else
  return false;
#endif
}

bool uses_avx512(const BlasInfo& info) {
  return info.core == "SkylakeX" || info.core == "Cooperlake" || info.core == "SapphireRapids";
}

// OpenBLAS is loaded once in a process, so each of these tests has its own, in which the test has set
// variables.
template <typename F>
void expect_in_own_process(F holds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::_Exit(holds() ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST(BlasDeathTest, UsesTheProcessorsVectorsByItself) {
  expect_in_own_process([] {
    unsetenv("OPENBLAS_CORETYPE");
    const BlasInfo& info = blas_info();
    const bool environment_is_as_it_was = std::getenv("OPENBLAS_CORETYPE") == nullptr;
    return uses_avx512(info) == has_avx512() && info.threads == 1 && environment_is_as_it_was &&
           info.library.find("openblas") != std::string::npos;
  });
}

TEST(BlasDeathTest, FollowsNoVariableThatLeavesVectorsUnused) {
  expect_in_own_process([] {
    setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
    const BlasInfo& info = blas_info();
    return uses_avx512(info) == has_avx512() &&
           info.why.find("OPENBLAS_CORETYPE=Nehalem") != std::string::npos &&
           std::getenv("OPENBLAS_CORETYPE") == std::string("Nehalem");
  });
}

TEST(BlasDeathTest, FollowsAUserWhoInsists) {
  expect_in_own_process([] {
    setenv("LOCKSTEP_BLAS_CORE", "Nehalem", 1);
    return blas_info().core == "Nehalem";
  });
}

}  // namespace
}  // namespace lockstep::cpu
