// Values and gradients at the points where a formula has a corner, cancels or meets an infinity: PyTorch's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/autograd.h"
#include "core/ops.h"

namespace lockstep {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensor leaf(const std::vector<double>& values, DType dtype = DType::f64) {
  return to(from_values(Dims{static_cast<std::int64_t>(values.size())}, values), dtype).set_requires_grad();
}

void expect_values(const Tensor& x, const std::vector<double>& expected, const std::string& what) {
  const std::vector<double> values = x.to_vector();
  ASSERT_EQ(values.size(), expected.size()) << what;
  const double allowed = x.dtype() == DType::f32 ? 1e-6 : 1e-14;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << what << ", " << i << ": " << values[i];
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(values[i], expected[i]) << what << ", " << i;
    } else {
      EXPECT_NEAR(values[i], expected[i], allowed * std::abs(expected[i])) << what << ", " << i;
    }
  }
}

struct Point {
  const char* name;
  std::function<Tensor(const Tensor&)> call;
  std::vector<double> at, values, slopes;
};

const std::vector<Point>& points() {
  constexpr double selu_alpha = 1.6732632423543772, selu_scale = 1.0507009873554805;
  static const std::vector<Point> all{
      {"relu", relu, {-1, 0, 1, nan}, {0, 0, 1, nan}, {0, 0, 1, 1}},
      {"smooth_l1_loss to 0",
       [](const Tensor& x) { return smooth_l1_loss(x, zeros_like(x), Reduction::none); },
       {0, 0.5, -1, 3, inf, -inf, nan},
       {0, 0.125, 0.5, 2.5, inf, inf, nan},
       {0, 0.5, -1, 1, 1, -1, nan}},
      {"huber_loss of 2 to 0",
       [](const Tensor& x) { return huber_loss(x, zeros_like(x), Reduction::none, 2); },
       {-1, 5, inf, -inf},
       {0.5, 8, inf, inf},
       {-1, 2, 2, -2}},
      {"elu",
       [](const Tensor& x) { return elu(x); },
       {0, -1e-7, -inf, inf, nan},
       {0, std::expm1(-1e-7), -1, inf, nan},
       {1, std::exp(-1e-7), 0, 1, nan}},
      {"elu of 2",
       [](const Tensor& x) { return elu(x, 2); },
       {0, -1},
       {0, 2 * std::expm1(-1)},
       {2, 2 * std::exp(-1)}},
      {"celu of 2",
       [](const Tensor& x) { return celu(x, 2); },
       {0, -1},
       {0, 2 * std::expm1(-0.5)},
       {1, std::exp(-0.5)}},
      {"selu", selu, {0, 1}, {0, selu_scale}, {selu_scale * selu_alpha, selu_scale}},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.2); }, {0, -1}, {0, -0.2}, {0.2, 0.2}},
      {"prelu",
       [](const Tensor& x) { return prelu(x, full({}, 0.25, x.options())); },
       {0, -1, 1, inf},
       {0, -0.25, 1, inf},
       {0.25, 0.25, 1, 1}},
      {"clamp",
       [](const Tensor& x) { return clamp(x, 0, 1); },
       {-1, 0, 0.5, 1, nan},
       {0, 0, 0.5, 1, nan},
       {0, 0, 1, 0, 0}},
      {"maximum",
       [](const Tensor& x) { return maximum(x, full({}, 1, x.options())); },
       {0, 1, 2, nan},
       {1, 1, 2, nan},
       {0, 0.5, 1, 1}},
      {"minimum",
       [](const Tensor& x) { return minimum(x, full({}, 1, x.options())); },
       {0, 1, 2, nan},
       {0, 1, 1, nan},
       {1, 0.5, 0, 1}},
      {"max", [](const Tensor& x) { return max(x); }, {1, 3, 3}, {3}, {0, 0.5, 0.5}},
      {"max with NaN", [](const Tensor& x) { return max(x); }, {1, nan, 3}, {nan}, {0, 1, 0}},
      {"min with NaN", [](const Tensor& x) { return min(x); }, {nan, 1, nan}, {nan}, {0.5, 0, 0.5}},
      {"logsumexp of nothing", [](const Tensor& x) { return logsumexp(x); }, {-inf, -inf}, {-inf}, {0, 0}},
      {"logsumexp with -inf", [](const Tensor& x) { return logsumexp(x); }, {-inf, 2}, {2}, {0, 1}},
      {"logsumexp with inf", [](const Tensor& x) { return logsumexp(x); }, {inf, 1}, {inf}, {1, 0}},
      {"logsumexp of the largest", [](const Tensor& x) { return logsumexp(x); }, {1e30, 1}, {1e30}, {1, 0}},
      {"masked_softmax of nothing",
       [](const Tensor& x) { return masked_softmax(x, 0); },
       {-inf, -inf},
       {0, 0},
       {0, 0}},
      {"masked_softmax",
       [](const Tensor& x) { return masked_softmax(x, 0); },
       {-inf, 1, 1},
       {0, 0.5, 0.5},
       {0, 0, 0}},
      {"expm1", expm1, {0, 1e-10}, {0, 1e-10 + 5e-21}, {1, 1 + 1e-10}},
      {"log1p", log1p, {0, 1e-10, -1}, {0, 1e-10 - 5e-21, -inf}, {1, 1 - 1e-10, inf}},
  };
  return all;
}

TEST(SpecialPoints, ValuesAndSlopes) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    for (const Point& point : points()) {
      const Tensor x = leaf(point.at, dtype), y = point.call(x);
      const std::string what = fmt::format("{} in {}", point.name, name_of(dtype));
      expect_values(y, point.values, what);
      expect_values(grad(y, std::array{x}, ones(y.shape(), y.options()))[0], point.slopes,
                    "slope of " + what);
    }
  }
}

TEST(SpecialPoints, EluBendsAtZeroFromBelow) {
  const Tensor x = leaf({-1, 0, 1});
  const Tensor slope = grad(sum(elu(x, 2)), std::array{x}, {}, {.create_graph = true})[0];
  expect_values(grad(sum(slope), std::array{x})[0], {2 * std::exp(-1), 2, 0}, "second derivative");
}

TEST(SpecialPoints, BceOfSureLogitsKeepsItsSmallLosses) {
  const Tensor x = leaf({10, 20, -20, 0, 100, -100}, DType::f32),
               y = to(leaf({1, 1, 0, 1, 0, 1}), DType::f32);
  const Tensor losses = bce_with_logits(x, y, Reduction::none);
  expect_values(losses, {4.5398899e-05, 2.0611537e-09, 2.0611537e-09, std::log(2), 100, 100}, "loss");
  expect_values(grad(sum(losses), std::array{x})[0], {-4.54187393e-05, 0, 2.0611537e-09, -0.5, 1, -1},
                "slope");
}

TEST(SpecialPoints, AClassOfNoProbabilityIsNoLossOfTheOthers) {
  const Tensor x = reshape(from_values<double>({3}, {-inf, 0, 0}), {1, 3}).set_requires_grad();
  const Tensor target = from_values<std::int64_t>({1}, {1});
  const Tensor loss = nll_loss(x, target);
  EXPECT_EQ(loss.item(), 0);
  expect_values(grad(loss, std::array{x})[0], {0, -1, 0}, "nll_loss");
  for (const Tensor& weights : {Tensor(), ones({3}, {DType::f64})}) {
    const Tensor entropy = cross_entropy(x, target, {.class_weights = weights});
    EXPECT_DOUBLE_EQ(entropy.item(), std::log(2));
    expect_values(grad(entropy, std::array{x})[0], {0, -0.5, 0.5}, "cross_entropy");
  }
}

TEST(SpecialPoints, RmsNormsEpsilonIsThatOfTheType) {
  const auto norm = [](DType dtype) { return rms_norm(full({1}, 1e-4, {dtype})).item(); };
  EXPECT_NEAR(norm(DType::f32), 1e-4 / std::sqrt(1e-8 + std::numeric_limits<float>::epsilon()), 1e-6);
  EXPECT_NEAR(norm(DType::f64), 1, 1e-7);
}

// Three queries and keys; what the bias of -inf, the boolean mask and causality hide in any mixture is not
// seen, and a query that sees nothing gives zeros and takes no gradient.
TEST(SpecialPoints, AttentionSeesNothingThatIsHidden) {
  struct Case {
    const char* name;
    std::vector<double> bias;           // 3 x 3, or none
    std::vector<std::uint8_t> mask;     // 3 x 3, or none
    std::vector<std::uint8_t> padding;  // 3, or none
    bool causal;
    std::vector<int> seen;  // 3 x 3
  };
  const std::vector<Case> cases{
      {"causal, the first key hidden",
       {-inf, 0, 0, 0, 0, 0, 0, 0, 0},
       {},
       {},
       true,
       {0, 0, 0, 1, 1, 0, 1, 1, 1}},
      {"a row of -inf", {-inf, -inf, -inf, 0, -inf, 0, 0, 0, 0}, {}, {}, false, {0, 0, 0, 1, 0, 1, 1, 1, 1}},
      {"bias against mask",
       {0, -inf, 0, 0, 0, 0, 0, 0, 0},
       {0, 1, 0, 1, 0, 1, 1, 1, 1},
       {},
       false,
       {0, 0, 0, 1, 0, 1, 1, 1, 1}},
      {"bias against padding",
       {0, 0, -inf, 0, 0, 0, 0, 0, 0},
       {},
       {0, 0, 1},
       false,
       {0, 0, 0, 0, 0, 1, 0, 0, 1}},
      {"padding, causal", {}, {}, {0, 1, 1}, true, {0, 0, 0, 0, 1, 0, 0, 1, 1}},
      {"mask, causal", {}, {1, 1, 0, 0, 0, 1, 1, 0, 1}, {}, true, {1, 0, 0, 0, 0, 0, 1, 0, 1}},
      {"all padded", {}, {}, {0, 0, 0}, false, {0, 0, 0, 0, 0, 0, 0, 0, 0}},
  };
  for (const DType dtype : {DType::f64, DType::f32}) {
    for (const Case& c : cases) {
      AttentionOptions options{.causal = c.causal};
      if (!c.bias.empty()) options.bias = to(from_values({3, 3}, c.bias), dtype);
      if (!c.mask.empty()) options.mask = from_values({3, 3}, c.mask);
      if (!c.padding.empty()) options.key_padding_mask = from_values({1, 3}, c.padding);
      std::vector<Tensor> in;
      for (const double phase : {0.1, 0.3, 0.5})
        in.push_back(
            to(sin(reshape(arange(6, {DType::f64}), {1, 1, 3, 2}) + phase), dtype).set_requires_grad());
      const std::vector<double> weights = attention_weights(in[0], in[1], options).to_vector();
      const Tensor y = attention(in[0], in[1], in[2], options);
      const std::vector<double> out = y.to_vector();
      const std::vector<Tensor> gradients = grad(sum(y * y), in);
      for (const Tensor& gradient : gradients) EXPECT_TRUE(all(isfinite(gradient)).item()) << c.name;
      const std::vector<double> dq = gradients[0].to_vector();
      for (std::size_t query = 0; query < 3; ++query) {
        double total = 0, sees = 0;
        for (std::size_t key = 0; key < 3; ++key) {
          const double weight = weights[query * 3 + key];
          EXPECT_EQ(weight > 0, c.seen[query * 3 + key] != 0) << c.name << ", " << query << " of " << key;
          total += weight, sees += c.seen[query * 3 + key];
        }
        EXPECT_NEAR(total, sees > 0 ? 1 : 0, 1e-6) << c.name;
        if (sees > 0) continue;
        for (std::size_t i = 0; i < 2; ++i)
          EXPECT_TRUE(out[query * 2 + i] == 0 && dq[query * 2 + i] == 0) << c.name << ", query " << query;
      }
    }
  }
}

// PyTorch 2.15: a softmax with +inf in it is NaN, and so is all that saw it; other queries keep their
// numbers.
TEST(SpecialPoints, PlusInfinityInABiasIsNaNForItsQueryAlone) {
  const Tensor x = reshape(arange(4, {DType::f64}), {1, 2, 2});
  const Tensor bias = from_values<double>({2, 2}, {inf, 0, 0, 0});
  const std::vector<double> y = attention(x, x, x, {.bias = bias}).to_vector();
  const std::vector<double> plain = attention(x, x, x).to_vector();
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_DOUBLE_EQ(y[2], plain[2]);
  EXPECT_DOUBLE_EQ(y[3], plain[3]);
}

}  // namespace
}  // namespace lockstep
