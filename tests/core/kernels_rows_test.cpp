#include "core/cpu/simd/embedding.h"
#include "core/cpu/simd/layer_norm.h"
#include "core/cpu/simd/softmax.h"
#include "core/cpu/simd/vector_ops.h"
#include "core/runtime/parallel.h"
#include "kernels_support.h"

namespace lockstep::cpu::test {
namespace {

using RowsTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Targets, RowsTest, testing::ValuesIn(targets()), target_name);

using Exact = std::vector<long double>;
constexpr std::int64_t widths[] = {1, 3, 17, 63, 65, 128};

template <typename T>
struct NormCase {
  std::int64_t rows, width;
  bool centered;  // layer norm, else RMS norm
  std::vector<T> x = random_values<T>(rows * width, 2, 1), gain = random_values<T>(width, 1, 2);
  std::vector<T> bias = random_values<T>(width, 1, 3), dy = random_values<T>(rows * width, 1, 4);
  static constexpr double eps = 1e-5;

  // What either norm should give, from the definitions.
  void expect() const {
    const std::size_t n = x.size();
    Exact y(n), dx(n), dgain(gain.size(), 1), dbias(gain.size(), 2);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::size_t at = static_cast<std::size_t>(r * width);
      long double mean = 0, variance = 0, mean_g = 0, mean_gn = 0;
      const auto w = static_cast<std::size_t>(width);
      for (std::size_t i = 0; i < w && centered; ++i) mean += static_cast<long double>(x[at + i]) / width;
      for (std::size_t i = 0; i < w; ++i) variance += (x[at + i] - mean) * (x[at + i] - mean) / width;
      const long double rstd = 1 / std::sqrt(variance + static_cast<long double>(eps));
      const auto normal = [&](std::size_t i) { return (static_cast<long double>(x[at + i]) - mean) * rstd; };
      for (std::size_t i = 0; i < w; ++i) {
        const long double g = static_cast<long double>(dy[at + i]) * gain[i];
        y[at + i] = normal(i) * gain[i] + (centered ? static_cast<long double>(bias[i]) : 0);
        mean_g += centered ? g / width : 0;
        mean_gn += g * normal(i) / width;
        dgain[i] += dy[at + i] * normal(i);
        dbias[i] += dy[at + i];
      }
      for (std::size_t i = 0; i < w; ++i) {
        dx[at + i] = rstd * (static_cast<long double>(dy[at + i]) * gain[i] - mean_g - normal(i) * mean_gn);
      }
    }
    std::vector<T> my(n), mdx(n), mean(static_cast<std::size_t>(rows)), rstd(mean), mdgain(gain.size(), 1),
        mdbias(gain.size(), 2);
    if (centered) {
      layer_norm_forward(my.data(), mean.data(), rstd.data(), x.data(), gain.data(), bias.data(), rows, width,
                         eps);
      layer_norm_backward(mdx.data(), mdgain.data(), mdbias.data(), dy.data(), x.data(), mean.data(),
                          rstd.data(), gain.data(), rows, width);
      EXPECT_LE(relative_error(mdbias, dbias), 8 * epsilon<T>);
    } else {
      layer_norm_forward<T>(my.data(), nullptr, rstd.data(), x.data(), gain.data(), nullptr, rows, width,
                            eps);
      layer_norm_backward<T>(mdx.data(), mdgain.data(), nullptr, dy.data(), x.data(), nullptr, rstd.data(),
                             gain.data(), rows, width);
    }
    EXPECT_LE(relative_error(my, y), 8 * epsilon<T>) << "width " << width;
    if (width > 1) {
      EXPECT_LE(relative_error(mdx, dx), 16 * epsilon<T>) << "width " << width;
    }
    EXPECT_LE(relative_error(mdgain, dgain), 16 * epsilon<T>) << "width " << width;
  }
};

TEST_P(RowsTest, LayerAndRmsNorm) {
  for (const std::int64_t width : widths) {
    for (const std::int64_t rows : {1, 5, 300}) {
      for (const bool centered : {false, true}) {
        NormCase<float>{rows, width, centered}.expect();
        NormCase<double>{rows, width, centered}.expect();
      }
    }
  }
}

// A large common offset: the variance has to be taken around the mean.
TEST_P(RowsTest, LayerNormKeepsItsDigitsFarFromZero) {
  std::vector<double> x = random_values<double>(257), y(257), shifted(257);
  double mean = 0, rstd = 0;
  layer_norm_forward<double>(y.data(), &mean, &rstd, x.data(), nullptr, nullptr, 1, 257, 0);
  for (double& v : x) v += 1e6;
  layer_norm_forward<double>(shifted.data(), &mean, &rstd, x.data(), nullptr, nullptr, 1, 257, 0);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(shifted[i], y[i], 1e-9);
}

template <typename T>
void expect_cross_entropy(std::int64_t width, double smoothing) {
  constexpr std::int64_t rows = 7;
  const std::vector<T> logits = random_values<T>(rows * width, 3), scale = random_values<T>(rows, 1, 5);
  std::vector<std::int64_t> targets;
  for (std::int64_t r = 0; r < rows; ++r) targets.push_back(r == 2 ? -100 : (5 * r + 1) % width);
  const CrossEntropy options{.label_smoothing = smoothing};
  Exact losses(rows), gradient(logits.size());
  for (std::size_t r = 0; r < rows; ++r) {
    const auto w = static_cast<std::size_t>(width);
    long double sum = 0;
    for (std::size_t i = 0; i < w; ++i) sum += std::exp(static_cast<long double>(logits[r * w + i]));
    for (std::size_t i = 0; i < w; ++i) {
      const long double target =
          static_cast<long double>(smoothing) / width +
          (targets[r] == static_cast<std::int64_t>(i) ? 1 - static_cast<long double>(smoothing) : 0);
      const long double p = std::exp(static_cast<long double>(logits[r * w + i])) / sum;
      losses[r] -= r == 2 ? 0 : target * std::log(p);
      gradient[r * w + i] = r == 2 ? 0 : (p - target) * scale[r];
    }
  }
  std::vector<T> my_losses(rows), lse(rows), my_gradient(logits.size());
  cross_entropy_forward(my_losses.data(), lse.data(), logits.data(), targets.data(), rows, width, options);
  cross_entropy_backward(my_gradient.data(), scale.data(), 1, logits.data(), lse.data(), targets.data(), rows,
                         width, options);
  if (width > 1) {
    EXPECT_LE(relative_error(my_losses, losses), 8 * epsilon<T>);
  }
  EXPECT_EQ(my_losses[2], 0);
  if (width > 1) {
    EXPECT_LE(relative_error(my_gradient, gradient), 8 * epsilon<T>);
  }
}

TEST_P(RowsTest, CrossEntropy) {
  for (const std::int64_t width : widths) {
    for (const double smoothing : {0.0, 0.1}) {
      expect_cross_entropy<float>(width, smoothing);
      expect_cross_entropy<double>(width, smoothing);
    }
  }
}

template <typename T>
void expect_sums(std::int64_t n) {
  const std::vector<T> a = random_values<T>(n, 1, 1), b = random_values<T>(n, 1, 2);
  long double product = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += static_cast<long double>(a[i]) * b[i];
    size += std::abs(static_cast<long double>(a[i]) * b[i]);
  }
  EXPECT_LE(std::abs(static_cast<double>(dot(a.data(), b.data(), n) - product)),
            4e-16 * static_cast<double>(size));
  EXPECT_EQ(sum_of_squares(a.data(), n), dot(a.data(), a.data(), n));
}

TEST_P(RowsTest, SumsAndProducts) {
  for (const std::int64_t n : {1, 3, 17, 63, 65, 40001}) {
    expect_sums<float>(n);
    expect_sums<double>(n);
  }
}

template <typename T>
void expect_columns(std::int64_t rows, std::int64_t width) {
  const std::vector<T> x = random_values<T>(rows * width), bias = random_values<T>(width, 1, 2);
  std::vector<T> sums = bias;
  column_sum(sums.data(), x.data(), rows, width);
  Exact truth(bias.begin(), bias.end());
  for (std::size_t i = 0; i < x.size(); ++i) truth[i % bias.size()] += x[i];
  EXPECT_LE(relative_error(sums, truth), 8 * epsilon<T>) << rows << " x " << width;
}

TEST_P(RowsTest, ColumnSums) {
  for (const std::int64_t width : widths) {
    for (const std::int64_t rows : {1, 64, 200}) {
      expect_columns<float>(rows, width);
      expect_columns<double>(rows, width);
    }
  }
}

TEST_P(RowsTest, EmbeddingGradient) {
  const std::vector<float> table = random_values<float>(10 * 17), dy = random_values<float>(5 * 17, 1, 2);
  const std::vector<std::int64_t> index = {3, 0, 9, 3, 3};
  std::vector<float> total = table;
  embedding_scatter_add(total.data(), dy.data(), index.data(), 5, 10, 17);
  for (std::size_t j = 0; j < 17; ++j) {
    ASSERT_EQ(total[9 * 17 + j], table[9 * 17 + j] + dy[2 * 17 + j]);
    ASSERT_EQ(total[3 * 17 + j], table[3 * 17 + j] + dy[j] + dy[3 * 17 + j] + dy[4 * 17 + j]);
    ASSERT_EQ(total[17 + j], table[17 + j]);
  }
}

// One thread and three give the same bits.
TEST_P(RowsTest, DoesNotDependOnTheThreads) {
  constexpr std::int64_t rows = 1000, width = 200;
  const auto run = [&](int count) {
    const Threads threads(count);
    const std::vector<float> x = random_values<float>(rows * width, 1, 1),
                             dy = random_values<float>(rows * width, 1, 2);
    const std::vector<float> gain = random_values<float>(width, 1, 3);
    std::vector<std::int64_t> index;
    for (std::int64_t i = 0; i < rows; ++i) index.push_back(i * i % 100);
    std::vector<float> out(rows * width), mean(rows), rstd(rows), sums(3 * width), table(100 * width);
    layer_norm_forward<float>(out.data(), mean.data(), rstd.data(), x.data(), gain.data(), nullptr, rows,
                              width, 1e-5);
    layer_norm_backward(out.data(), sums.data(), sums.data() + width, dy.data(), x.data(), mean.data(),
                        rstd.data(), gain.data(), rows, width);
    column_sum(sums.data() + 2 * width, x.data(), rows, width);
    embedding_scatter_add(table.data(), x.data(), index.data(), rows, 100, width);
    out.insert(out.end(), sums.begin(), sums.end());
    out.insert(out.end(), table.begin(), table.end());
    out.push_back(static_cast<float>(dot(x.data(), dy.data(), rows * width)));
    return out;
  };
  EXPECT_EQ(run(1), run(3));
}

}  // namespace
}  // namespace lockstep::cpu::test
