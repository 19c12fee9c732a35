#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "core/conv_kernels.h"
#include "core/cpu/simd/product.h"
#include "core/cpu/winograd.h"
#include "core/ops.h"
#include "core/runtime/parallel.h"
#include "tests/core/kernels_support.h"

namespace lockstep::cpu::test {
namespace {

// What is copied, joined and cut differs with the sizes: one image or several to a product, windows that
// overlap or not, positions that no window reads, sums of more than 384 numbers, more than 96 rows and 256
// columns, few maps of a group or many, x that is its own arrangement.
struct ConvCase {
  std::int64_t images, in, out;
  Dims size, window;
  ConvGeometry geometry;
};

std::vector<ConvCase> small_convs() {
  return {
      {3, 12, 14, {5, 7}, {3, 3}, {.padding = {1}}},
      {2, 9, 30, {9, 8}, {3, 2}, {.stride = {2, 3}, .padding = {2, 0}, .dilation = {1, 2}}},
      {2, 11, 17, {9, 40}, {1, 1}, {}},
      {2, 11, 17, {9, 10}, {1, 1}, {.stride = {2}}},
      {2, 11, 17, {9, 10}, {1, 1}, {.padding = {1}}},
      {1, 10, 9, {7, 9, 11}, {2, 3, 4}, {.stride = {2, 3, 5}}},  // nobody reads the last of some
      {5, 1, 33, {40}, {5}, {.padding = {2}}},
      {2, 24, 27, {6, 5}, {3, 3}, {.groups = 3, .same = true}},
      {2, 6, 12, {7, 37}, {3, 3}, {.stride = {1, 2}, .padding = {1}, .groups = 6}},
      {3, 8, 4, {4, 5, 6}, {2, 2, 2}, {.padding = {1, 0, 1}, .groups = 2}},
      {1, 7, 3, {13, 21}, {3, 4}, {.stride = {1, 5}, .dilation = {2, 1}}},
      {1, 2, 40, {33}, {2}, {.stride = {2}, .dilation = {3}}},  // windows in gaps of each other
  };
}

std::vector<ConvCase> large_convs() {
  return {
      {2, 50, 110, {19, 33}, {3, 3}, {.padding = {1}}},
      {9, 130, 70, {4, 4}, {3, 3}, {.padding = {1}}},
      {2, 30, 390, {11, 20}, {1, 1}, {}},
  };
}

// Windows of 3 x 3 with many channels, which go by Winograd: sizes that end within a tile, spacing whose
// remainders differ in size, zeros beyond a tile, groups, windows that are longer in the first dimension.
std::vector<ConvCase> winograd_convs() {
  return {
      {3, 40, 33, {9, 14}, {3, 3}, {.padding = {1}}},
      {1, 32, 32, {13, 45}, {3, 3}, {}},
      {5, 33, 35, {7, 11}, {3, 3}, {.padding = {3, 0}}},
      {2, 35, 34, {17, 13}, {3, 3}, {.padding = {2, 3}, .dilation = {2, 3}}},
      {1, 64, 96, {21, 14}, {3, 3}, {.padding = {1}, .groups = 2}},
      {1, 32, 33, {4, 7, 9}, {3, 3, 3}, {.padding = {1}}},
      {1, 33, 32, {9, 8, 6}, {2, 3, 3}, {.padding = {3, 1, 1}, .dilation = {2, 1, 1}}},
      {2, 32, 32, {3, 8, 8}, {1, 3, 3}, {.padding = {1}}},
  };
}

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// y, and what each product of a weight, a number of x and one of y means for the gradients.
struct Plain {
  std::vector<double> y, dx, dweight;

  Plain(const ConvCase& c, const Dims& places, const std::vector<double>& x,
        const std::vector<double>& weight, const std::vector<double>& bias, const std::vector<double>& dy)
      : y(dy.size()), dx(x.size()), dweight(weight.size()) {
    const std::int64_t in = c.in / c.geometry.groups, out = c.out / c.geometry.groups;
    const auto spatial = static_cast<int>(c.size.rank());
    const auto of = [&](const PerDim& values, int d) {
      return values.size() == 1 ? values[0] : values[at(d)];
    };
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
      const std::int64_t o = i / places.numel() % c.out, image = i / places.numel() / c.out;
      y[at(i)] = bias[at(o)];
      for (std::int64_t j = 0; j < in * c.window.numel(); ++j) {
        std::int64_t place = i % places.numel(), element = j % c.window.numel(), position = 0, scale = 1;
        bool inside = true;
        for (int d = spatial - 1; d >= 0; --d) {
          const std::int64_t spacing = of(c.geometry.dilation, d);
          const std::int64_t before =
              c.geometry.same ? spacing * (c.window[d] - 1) / 2 : of(c.geometry.padding, d);
          const std::int64_t p =
              place % places[d] * of(c.geometry.stride, d) + element % c.window[d] * spacing - before;
          inside = inside && p >= 0 && p < c.size[d];
          position += p * scale;
          scale *= c.size[d];
          place /= places[d];
          element /= c.window[d];
        }
        if (!inside) continue;
        const std::int64_t channel = o / out * in + j / c.window.numel();
        const std::size_t of_x = at((image * c.in + channel) * scale + position),
                          of_weight = at(o * in * c.window.numel() + j);
        y[at(i)] += weight[of_weight] * x[of_x];
        dx[of_x] += weight[of_weight] * dy[at(i)];
        dweight[of_weight] += dy[at(i)] * x[of_x];
      }
    }
  }
};

Dims with(std::initializer_list<std::int64_t> first, const Dims& rest) {
  Dims shape(first);
  for (const std::int64_t size : rest) shape.push_back(size);
  return shape;
}

template <typename T>
Tensor drawn(const Dims& shape, unsigned seed) {
  return from_values(shape, random_values<T>(shape.numel(), 1, seed));
}

template <typename T>
struct MadeConv {
  explicit MadeConv(const ConvCase& c)
      : x(drawn<T>(with({c.images, c.in}, c.size), 1)),
        weight(drawn<T>(with({c.out, c.in / c.geometry.groups}, c.window), 2)),
        bias(drawn<T>({c.out}, 3)) {
    for (Tensor* leaf : {&x, &weight, &bias}) leaf->set_requires_grad(true);
    y = conv(x, weight, bias, c.geometry);
    dy = drawn<T>(y.shape(), 4);
  }
  Tensor x, weight, bias, y, dy;
};

// Of the error of a sum of `terms` products of normal numbers, in epsilons: partial sum i has a size of
// sqrt(i), so the roundings' standard deviation is some terms / 5.
double bound(double terms) { return 16 + 2 * terms; }
// Transformed numbers are up to four times as large.
constexpr double winograd_slack = 2;

template <typename T>
void expect_near(const Tensor& got, const std::vector<double>& expected, double terms, const char* what) {
  const std::vector<double> values = got.to_vector();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], expected[i], bound(terms) * epsilon<T>) << what << ", element " << i;
}

class ConvKernel : public KernelTest {
 protected:
  template <typename T>
  void equals_plain_sums(const std::vector<ConvCase>& cases, double slack = 1) {
    for (const ConvCase& c : cases) {
      SCOPED_TRACE("x " + to_string(with({c.images, c.in}, c.size)) + ", window " + to_string(c.window));
      const MadeConv<T> made(c);
      ASSERT_NE(kernels(made.x).convolution(), nullptr);
      const Dims places(made.y.shape().begin() + 2, made.y.shape().end());
      const Plain plain(c, places, made.x.to_vector(), made.weight.to_vector(), made.bias.to_vector(),
                        made.dy.to_vector());
      const double window = static_cast<double>(made.weight.numel() / c.out) * slack,
                   rows = static_cast<double>(c.images * places.numel()) * slack;
      expect_near<T>(made.y, plain.y, window + 1, "y");
      backward(made.y, made.dy, true);
      expect_near<T>(made.x.grad(), plain.dx, window * static_cast<double>(c.out), "dx");
      expect_near<T>(made.weight.grad(), plain.dweight, rows, "dweight");
      backward(made.y, made.dy);  // added to what is there
      expect_near<T>(made.x.grad() * 0.5, plain.dx, window * static_cast<double>(c.out), "dx twice");
      expect_near<T>(made.weight.grad() * 0.5, plain.dweight, rows, "dweight twice");
    }
  }
};

TEST_P(ConvKernel, EqualsPlainSums) {
  equals_plain_sums<float>(small_convs());
  equals_plain_sums<double>(small_convs());
  equals_plain_sums<float>(large_convs());
}

TEST_P(ConvKernel, EqualsPlainSumsByWinograd) {
  for (const ConvCase& c : winograd_convs()) {
    ConvShape shape;
    shape.images = c.images, shape.in = c.in, shape.out = c.out, shape.groups = c.geometry.groups;
    const auto spatial = static_cast<std::size_t>(c.size.rank());
    for (std::size_t i = 0; i < spatial; ++i) {
      const std::size_t d = 3 - spatial + i;
      const auto of = [&](const PerDim& values) { return values.size() == 1 ? values[0] : values[i]; };
      const auto dim = static_cast<int>(i);
      shape.size[d] = c.size[dim], shape.window[d] = c.window[dim];
      shape.spacing[d] = of(c.geometry.dilation), shape.before[d] = of(c.geometry.padding);
      shape.places[d] = shape.size[d] + 2 * shape.before[d] - shape.spacing[d] * (shape.window[d] - 1);
    }
    EXPECT_TRUE(winograd_suits(shape)) << to_string(c.size);
  }
  equals_plain_sums<float>(winograd_convs(), winograd_slack);
  equals_plain_sums<double>(winograd_convs(), winograd_slack);
}

// Too large for one block of tiles: in images, in slices and rows.
TEST_P(ConvKernel, EqualsItsPiecesByWinograd) {
  const auto equal_pieces = [](const Dims& shape, const Dims& window, int dim, std::int64_t overlap) {
    Tensor x = drawn<float>(shape, 1), weight = drawn<float>(window, 2);
    for (Tensor* leaf : {&x, &weight}) leaf->set_requires_grad(true);
    const Tensor y = conv(x, weight), dy = drawn<float>(y.shape(), 3);
    const auto whole = grad(sum(y * dy), {x, weight}, {}, {.retain_graph = true});
    std::vector<Tensor> pieces;
    Tensor loss = zeros({});
    for (std::int64_t i = 0; i < y.size(dim); ++i) {
      pieces.push_back(conv(slice(x, dim, i, i + 1 + overlap), weight));
      loss = loss + sum(pieces.back() * slice(dy, dim, i, i + 1));
    }
    const auto by_piece = grad(loss, {x, weight});
    const auto expect_close = [](const Tensor& got, const Tensor& expected) {
      EXPECT_LT(max(abs(got - expected)).item(), 1e-5 * max(abs(expected)).item());
    };
    expect_close(y, cat(pieces, dim));
    expect_close(whole[0], by_piece[0]);
    expect_close(whole[1], by_piece[1]);
  };
  equal_pieces({70, 32, 9, 9}, {32, 32, 3, 3}, 0, 0);
  equal_pieces({1, 32, 11, 42, 42}, {32, 32, 3, 3, 3}, 2, 2);
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvKernel);  // without AVX2

std::vector<std::int64_t> conv_targets() {
  std::vector<std::int64_t> with;
  for (const std::int64_t target : targets()) {
    if (target == HWY_AVX2 || target == HWY_AVX3) with.push_back(target);
  }
  return with;
}
INSTANTIATE_TEST_SUITE_P(Targets, ConvKernel, testing::ValuesIn(conv_targets()), target_name);

TEST(Conv, HasTheSameBitsOnAnyNumberOfThreads) {
  std::vector<ConvCase> cases = small_convs();
  for (const ConvCase& c : large_convs()) cases.push_back(c);
  for (const ConvCase& c : winograd_convs()) cases.push_back(c);
  for (const ConvCase& c : cases) {
    const auto results = [&](int count) {
      const Threads threads(count);
      const MadeConv<float> made(c);
      backward(made.y, made.dy);
      return std::vector{made.y.to_vector(), made.x.grad().to_vector(), made.weight.grad().to_vector()};
    };
    const auto on_one = results(1);
    for (const int count : {2, 3, 5})
      ASSERT_EQ(results(count), on_one) << to_string(c.size) << ", " << count << " threads";
  }
}

// A tile mixes its numbers: infinite ones must not reach windows that they are not in.
TEST(Conv, OnlyWindowsWithInfinityOrNaNSeeIt) {
  constexpr std::int64_t size = 12;
  for (const double special : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    const Tensor x = drawn<float>({1, 32, size, size}, 1), dy = drawn<float>({1, 32, size, size}, 3);
    Tensor weight = drawn<float>({32, 32, 3, 3}, 2), image = clone(x);
    fill_(slice(slice(select(image, 1, 5), 1, 4, 5), 2, 7, 8), special);
    const std::vector<double> y = conv(image, weight, {}, {.padding = {1}}).to_vector();
    for (std::int64_t i = 0; i < std::ssize(y); ++i) {
      const std::int64_t row = i / size % size, column = i % size;
      const bool sees = std::abs(row - 4) <= 1 && std::abs(column - 7) <= 1;
      ASSERT_EQ(std::isfinite(y[at(i)]), !sees) << row << ", " << column;
    }
    // Of the weights, those of channel 5 see it.
    weight.set_requires_grad(true);
    const Tensor gradient = grad(sum(conv(image, weight, {}, {.padding = {1}}) * 0.5), weight);
    EXPECT_FALSE(std::isfinite(sum(select(gradient, 1, 5)).item()));
    EXPECT_TRUE(std::isfinite(sum(select(gradient, 1, 6)).item()));
  }
}

// Sums that are finite, of tiles whose transforms are not.
TEST(Conv, IsFiniteWhereItsSumsAre) {
  const Tensor x = full({1, 32, 14, 14}, 2e38), weight = full({32, 32, 3, 3}, 1e-3);
  const std::vector<double> y = conv(x, weight, {}, {.padding = {1}}).to_vector();
  EXPECT_TRUE(std::isfinite(y[0]));
  EXPECT_NEAR(y[0] / (2e35 * 32 * 4), 1, 1e-5);
}

TEST(Conv, WritesGradientsThatAreNotContiguous) {
  const Tensor start = transpose(drawn<float>({4, 9, 3}, 7), 0, 1);  // (9, 4, 3)
  Tensor weight = drawn<float>({9, 4, 3}, 2);
  weight.set_requires_grad(true);
  const Tensor x = drawn<float>({2, 4, 8}, 1), y = conv(x, weight);
  const Tensor plain = grad(sum(y), {weight}, {}, {.retain_graph = true})[0];
  const Tensor loss = sum(y) + sum(weight * start);
  EXPECT_LT(max(abs(grad(loss, weight) - (plain + start))).item(), 1e-5);
}

}  // namespace
}  // namespace lockstep::cpu::test
