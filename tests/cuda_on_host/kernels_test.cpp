// Kernels against those of the CPU where the op cases are too small: many rows, large tiles, packs of
// elements.
#include "core/kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random/random_tensors.h"
#include "core/runtime/tf32.h"
#include "tests/cuda_on_host/run.h"

namespace lockstep {
namespace {

void append(std::vector<double>& all, const Tensor& x) {
  for (const double value : x.to_vector()) all.push_back(value);
}

// The numbers x that `results` gives for a GPU against those for the CPU, to absolute + relative |x|.
template <typename Results>
void expect_those_of_the_cpu(const Results& results, double absolute, double relative,
                             const std::string& of) {
  const std::vector<double> here = results(Device::cpu), there = results(Device::cuda);
  ASSERT_EQ(there.size(), here.size()) << of;
  for (std::size_t i = 0; i < here.size(); ++i)
    ASSERT_NEAR(there[i], here[i], absolute + relative * std::abs(here[i])) << of;
}

// By tiles of every shape, aligned and not, whole and not, by one block and by several; in f64 by the
// library.
TEST(CudaProducts, ByTilesAreThoseOfTheCpu) {
  manual_seed(2);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{17, 300, 35},
                                  {64, 256, 64},
                                  {8, 515, 100},
                                  {33, 258, 4},
                                  {1, 300, 1},
                                  {2, 640, 36},
                                  {36, 640, 390},
                                  {100, 72, 520},
                                  {101, 70, 515},
                                  {250, 260, 520},
                                  {255, 257, 518}}) {
      const Tensor a = randn({2, m, k}, {dtype}), b = randn({2, k, n}, {dtype}),
                   c = randn({2, m, n}, {dtype}), bias = randn({n}, {dtype});
      const std::array<Tensor, 2> stored{contiguous(transpose(a, 1, 2)), contiguous(transpose(b, 1, 2))};
      const auto products = [&](Device device) {
        const std::array<Tensor, 2> of_a{moved(a, device), transpose(moved(stored[0], device), 1, 2)},
            of_b{moved(b, device), transpose(moved(stored[1], device), 1, 2)};
        std::vector<double> all;
        for (const Tensor& left : of_a) {
          for (const Tensor& right : of_b) {
            const Tensor y = clone(moved(c, device));
            kernels(y).matmul(y, left, right, true, {});
            append(all, y);
            const Tensor other = empty_like(y);
            kernels(y).matmul_plus(other, left, right, 0.5, y, -2, moved(bias, device));
            append(all, other);
            if (m > 64 && !cuda_on_host::is_gpu()) continue;  // the host layer takes seconds for them
            kernels(y).matmul(other, left, right, false, moved(bias, device));
            append(all, other);
            kernels(y).matmul_plus(other, left, right, 1, y, 1, moved(bias, device));
            append(all, other);
          }
        }
        return all;
      };
      expect_those_of_the_cpu(products, dtype == DType::f32 ? 2e-4 : 1e-12, 0, describe(c));
    }
  }
}

// A product of f32 on tensor cores is as near as one in f32, whatever the sizes of the numbers; and exact
// where all of it is, as with a selection of rows.
TEST(CudaProducts, OfTensorCoresAreAsExactAsF32) {
  manual_seed(3);
  for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{64, 300, 64}, {200, 64, 256}, {640, 128, 512}}) {
    const auto numbers = [](Dims shape) {
      const Tensor size = exp(randn(shape) * 6.0);  // 12 powers of ten
      return size * randn(shape);
    };
    const Tensor a = numbers({m, k}), b = numbers({k, n});
    const Tensor exact = matmul(to(a, DType::f64), to(b, DType::f64));
    const std::vector<double> most = matmul(abs(to(a, DType::f64)), abs(to(b, DType::f64))).to_vector(),
                              expected = exact.to_vector(),
                              got = matmul(moved(a, Device::cuda), moved(b, Device::cuda)).to_vector();
    double squares = 0;  // of errors in units of what is added up
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double error = (got[i] - expected[i]) / most[i];
      ASSERT_LT(std::abs(error), std::ldexp(1, -21)) << m << " " << k << " " << n << ", " << i;
      squares += error * error;
    }
    EXPECT_LT(std::sqrt(squares / static_cast<double>(got.size())), std::ldexp(1, -23));
    std::vector<float> chosen(static_cast<std::size_t>(m * k));
    std::vector<double> rows;
    for (std::int64_t i = 0; i < m; ++i) {
      const std::int64_t row = i * 7 % k;
      chosen[static_cast<std::size_t>(i * k + row)] = 1;
      append(rows, select(b, 0, row));
    }
    EXPECT_EQ(matmul(from_values({m, k}, chosen, Device::cuda), moved(b, Device::cuda)).to_vector(), rows);
  }
}

// Where blocks share the rows, also of a bias's gradient, and once more where all is added to what is there.
TEST(CudaProducts, GradientsOfALinearLayerOverManyRowsAreThoseOfTheCpu) {
  manual_seed(9);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t width : {12, 200}) {
      const Tensor x = randn({800, 20}, {dtype}), w = randn({width, 20}, {dtype}),
                   b = randn({width}, {dtype});
      const auto gradients = [&](Device device) {
        const Tensor input = moved(x, device);
        Tensor weight = moved(w, device), bias = moved(b, device);
        weight.set_requires_grad(), bias.set_requires_grad();
        for (int i = 0; i < 2; ++i) backward(sum(square(linear(input, weight, bias))));
        std::vector<double> all = weight.grad().to_vector();
        append(all, bias.grad());
        return all;
      };
      const double tolerance = dtype == DType::f32 ? 1e-5 : 1e-12;
      expect_those_of_the_cpu(gradients, 800 * tolerance, tolerance, describe(w));
    }
  }
}

// GELU, its slope and what is multiplied by that, where a product stores them: by tiles of every shape,
// aligned and not, by one block and by several, with a bias and without.
TEST(CudaProducts, OfAnMlpAreThoseOfTheCpu) {
  manual_seed(14);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [rows, width, hidden] : {std::array<std::int64_t, 3>{37, 10, 27},
                                              {70, 20, 36},
                                              {40, 768, 36},
                                              {300, 32, 520},
                                              {530, 12, 524}}) {
      for (const Gelu form : {Gelu::exact, Gelu::tanh}) {
        const bool has_bias = hidden != 36;
        const Tensor x = randn({rows, width}, {dtype}), w1 = randn({hidden, width}, {dtype}) * 0.3,
                     b1 = randn({hidden}, {dtype}), w2 = randn({width, hidden}, {dtype});
        const auto results = [&](Device device) {
          std::array<Tensor, 4> leaves{moved(x, device), moved(w1, device), moved(b1, device),
                                       moved(w2, device)};
          for (Tensor& leaf : leaves) leaf = clone(leaf).set_requires_grad();
          const auto& [input, first, bias, second] = leaves;
          const Tensor y = mlp(input, first, has_bias ? bias : Tensor(), second, {}, form),
                       h = linear_gelu(input, first, has_bias ? bias : Tensor(), form);
          std::vector<double> all = y.to_vector();
          append(all, h);
          for (const Tensor& g : grad(mean(y * y) + mean(h * h), {input, first, second})) append(all, g);
          return all;
        };
        const double tolerance = dtype == DType::f32 ? 1e-4 : 1e-12;
        expect_those_of_the_cpu(results, tolerance, tolerance, describe(w1));
      }
    }
  }
}

TEST(CudaProducts, WithAnAddendAreThoseOfTheCpu) {
  manual_seed(10);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [count, m, k, n] :
         {std::array<std::int64_t, 4>{1, 5, 7, 6}, {3, 16, 300, 8}, {2, 8, 0, 4}}) {
      const Tensor a = randn({count, m, k}, {dtype}), b = randn({count, k, n}, {dtype}),
                   c = randn({count, m, n}, {dtype});
      const auto product = [&](Device device) {
        const Tensor addend = moved(c, device), y = full({count, m, n}, NAN, {dtype, device});
        kernels(y).matmul_plus(y, moved(a, device), moved(b, device), 0.5, addend, -2, {});
        EXPECT_EQ(addend.to_vector(), c.to_vector());
        return y.to_vector();
      };
      expect_those_of_the_cpu(product, dtype == DType::f32 ? 2e-5 : 1e-13, 0, describe(c));
    }
  }
}

// The largest difference of a product and a weight's gradient from those in f64, in units of their size.
double product_error(const Tensor& a, const Tensor& b) {
  const auto there = [](const Tensor& x) { return moved(x, Device::cuda); };
  double most = 0;
  for (const Tensor& left : {a, transpose(a, 0, 1)}) {
    const std::vector<double> now = matmul(there(left), there(b)).to_vector(),
                              exact = matmul(to(left, DType::f64), to(b, DType::f64)).to_vector();
    const double size = std::sqrt(static_cast<double>(a.size(1)));
    for (std::size_t i = 0; i < now.size(); ++i) most = std::max(most, std::abs(now[i] - exact[i]) / size);
  }
  return most;
}

TEST(CudaProducts, RoundTheirFactorsToTf32OnlyWhereThatIsAllowed) {
  manual_seed(3);
  const Tensor a = randn({128, 128}), b = randn({128, 128}), of_tiles = randn({256, 256});
  EXPECT_LT(product_error(a, b), 1e-5);
  {
    const AllowTf32 tf32;
    EXPECT_GT(product_error(a, b), 1e-4);
    EXPECT_LT(product_error(a, b), 1e-2);
    EXPECT_GT(product_error(of_tiles, of_tiles), 1e-5);
    EXPECT_LT(product_error(of_tiles, of_tiles), 1e-3) << "by tiles, with 16 bits in the place of 11";
    EXPECT_LT(product_error(to(a, DType::f64), to(b, DType::f64)), 1e-14) << "f64 is not rounded";
    const AllowTf32 not_here(false);
    EXPECT_LT(product_error(a, b), 1e-5);
    EXPECT_LT(product_error(of_tiles, of_tiles), 1e-5);
  }
  EXPECT_LT(product_error(a, b), 1e-5);
}

TEST(CudaSums, OfManyRowsAreThoseOfTheCpu) {
  manual_seed(4);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t columns : {3, 8, 70, 260}) {
      const Tensor x = randn({7, 100, columns}, {dtype}), w = randn({columns}, {dtype});
      const auto gradients = [&](Device device) {
        Tensor weight = moved(w, device), bias = clone(weight), input = moved(x, device);
        for (Tensor* leaf : {&weight, &bias, &input}) leaf->set_requires_grad();
        const Tensor y = layer_norm(input, weight, bias);
        std::vector<double> all = sum(y, {0, 1}).to_vector();
        for (const Tensor& g : grad(sum(y * y), {weight, bias, input})) append(all, g);
        return all;
      };
      const double tolerance = dtype == DType::f32 ? 1e-5 : 1e-10;
      expect_those_of_the_cpu(gradients, tolerance, tolerance, describe(x));
    }
  }
}

// Of both types, more than one launch has, one after the other with the same counter.
TEST(CudaSums, OfSquaresOfManyTensorsAreThoseOfTheCpu) {
  manual_seed(12);
  std::vector<Tensor> here, there;
  for (std::int64_t i = 0; i < 200; ++i) {
    here.push_back(randn({i * 7}, {i % 3 == 0 ? DType::f64 : DType::f32}));
    there.push_back(moved(here.back(), Device::cuda));
  }
  for (const std::int64_t count : {200, 1}) {
    const auto sums = [&](Device device) {
      const Tensor y = empty({count}, {DType::f64, device});
      kernels(y).sums_of_squares(y, device == Device::cpu ? here : there);
      return y.to_vector();
    };
    expect_those_of_the_cpu(sums, 1e-9, 1e-9, fmt::format("{}", count));
  }
}

// Rows that begin and end at 16 bytes, others, and one number for all of a row.
TEST(CudaElements, ByPacksAndOneByOneAreThoseOfTheCpu) {
  manual_seed(5);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor base = randn({6, 20}, {dtype}), long_ones = randn({3, 6, 20}, {dtype});
    const auto all_of = [&](Device device) {
      const Tensor x = moved(base, device), longer = moved(long_ones, device);
      const std::vector<Tensor> views{x,
                                      slice(x, 1, 0, 8),
                                      slice(x, 1, 4, 16),
                                      slice(x, 1, 1, 9),
                                      slice(x, 1, 0, 19),
                                      transpose(x, 0, 1),
                                      slice(x, 0, 2, 3),
                                      slice(x, 1, 3, 4)};
      std::vector<Tensor> results{longer + x, x * slice(longer, 1, 5, 6), longer - slice(x, 1, 3, 4)};
      for (const Tensor& view : views) {
        const Tensor less = view < 0.0, other = view * 2;
        for (const Tensor& y : {view + other, other - slice(other, 0, 0, 1), relu(view), maximum(view, -view),
                                where(less, other, view), to(less, dtype), to(view, DType::f32),
                                to(view, DType::f64), where(less, less, logical_not(less))})
          results.push_back(y);
      }
      std::vector<double> numbers;
      for (const Tensor& result : results) append(numbers, result);
      return numbers;
    };
    EXPECT_EQ(all_of(Device::cuda), all_of(Device::cpu));
  }
}

// Each pair of tile and head width is a kernel of its own.
TEST(CudaAttention, OfEverySizeIsThatOfTheCpu) {
  manual_seed(8);
  const auto check = [](DType dtype, std::int64_t heads, std::int64_t tokens, std::int64_t width) {
    const Dims shape{heads, tokens, width};
    const std::array<Tensor, 3> inputs{randn(shape, {dtype}), randn(shape, {dtype}), randn(shape, {dtype})};
    const bool differentiable = heads == 2;
    const auto results = [&](Device device) {
      std::vector<Tensor> leaves;
      for (const Tensor& x : inputs)
        leaves.push_back(clone(moved(x, device)).set_requires_grad(differentiable));
      const Tensor y = attention(leaves[0], leaves[1], leaves[2], {.causal = true});
      std::vector<double> all = y.to_vector();
      if (!differentiable) return all;
      for (const Tensor& g : grad(sum(y * y), {leaves[0], leaves[1], leaves[2]})) append(all, g);
      return all;
    };
    const double tolerance = dtype == DType::f32 ? 1e-4 : 1e-12;
    expect_those_of_the_cpu(results, tolerance, tolerance, describe(inputs[0]));
  };
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t width : {5, 20, 40, 100}) {
      for (const std::int64_t tokens : {7, 20, 40, 70}) check(dtype, 2, tokens, width);
    }
  }
  // So many heads that they have large tiles.
  for (const std::int64_t width : {5, 20, 40}) check(DType::f32, 128, 66, width);
}

// Several of them share a warp, or a row has two threads, and the last ones of a block have no head.
TEST(CudaAttention, OfShortHeadsIsThatOfTheCpu) {
  manual_seed(13);
  for (const auto& [heads, queries, keys, width, value_width] :
       {std::array<std::int64_t, 5>{37, 3, 3, 32, 32},
        {9, 1, 5, 12, 16},
        {5, 8, 3, 7, 20},
        {3, 17, 32, 16, 16},
        {4, 32, 31, 20, 5},
        {3, 64, 64, 32, 32},
        {2, 33, 50, 16, 12},
        {2, 50, 33, 20, 32},
        {1, 5, 64, 16, 16}}) {
    const Tensor q = randn({heads, queries, width}), k = randn({heads, keys, width}),
                 v = randn({heads, keys, value_width}), mask = rand({heads, 1, keys}) < 0.7;
    for (const bool causal : {false, true}) {
      for (const bool masked : {false, true}) {
        const auto results = [&](Device device) {
          std::array<Tensor, 3> leaves{moved(q, device), moved(k, device), moved(v, device)};
          for (Tensor& leaf : leaves) leaf = clone(leaf).set_requires_grad();
          const std::int64_t offset = masked ? keys - queries : heads == 9 ? std::int64_t{1} << 40 : 0;
          AttentionOptions options{.causal = causal, .causal_offset = causal ? offset : 0};
          if (masked) options.mask = moved(mask, device);
          const Tensor y = attention(leaves[0], leaves[1], leaves[2], options);
          std::vector<double> all = y.to_vector();
          for (const Tensor& g : grad(sum(y * y), {leaves[0], leaves[1], leaves[2]})) append(all, g);
          return all;
        };
        expect_those_of_the_cpu(results, 1e-4, 1e-4, describe(q));
      }
    }
  }
}

// Threads share the places of a row, where it is narrow.
TEST(CudaRows, AreAddedAsOnTheCpu) {
  manual_seed(6);
  for (const std::int64_t n : {1, 255, 1000}) {
    for (const std::int64_t width : {1, 6, 70, 300}) {
      const Tensor x = randn({n, width}), index = randint(0, 5, {n});
      const auto table = [&](Device device) {
        const Tensor y = full({6, width}, 3, {DType::f32, device});
        kernels(y).add_rows(y, moved(x, device), moved(index, device));
        return y.to_vector();
      };
      expect_those_of_the_cpu(table, 1e-4, 0, describe(x));
    }
  }
}

}  // namespace
}  // namespace lockstep
