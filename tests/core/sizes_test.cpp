// Sizes at their limits: products that overflow, negative and repeated dimensions, and nothing at all.
#include <gtest/gtest.h>

#include <functional>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/runtime/observer.h"

namespace lockstep {
namespace {

constexpr std::int64_t huge = std::int64_t{1} << 32;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Sizes, ThoseThatCannotBeAreRefusedWithTheShape) {
  const Tensor x = ones({1});
  struct Wrong {
    std::function<void()> call;
    const char* message;
  };
  const Wrong calls[] = {
      {[] {
         zeros({huge, huge});
       },
       "(4294967296, 4294967296) has more elements than can be counted"},
      {[] {
         zeros({0, huge, huge});
       },
       "(0, 4294967296, 4294967296) has more elements"},
      {[] {
         zeros({huge / 2, huge / 2});
       },
       "[empty] f32 (2147483648, 2147483648) is larger than any memory"},
      {[] { arange(huge << 30); }, "[empty] i64 (4611686018427387904,) is larger than any memory"},
      {[] { zeros({-1}); }, "[empty] sizes must not be negative, got (-1,)"},
      {[&] {
         expand(x, {huge, huge});
       },
       "has more elements than can be counted"},
      {[&] { expand(x, {-3}); }, "[expand] sizes must not be negative"},
      {[] {
         reshape(ones({6}), {-2, -3});
       },
       "[reshape] sizes must not be negative"},
      {[] {
         unslice(ones({2, 3}), {2, 8, 4}, 1, 1);
       },
       "[unslice] f32 (2, 3) does not fit"},
      {[] {
         unslice(ones({2, 3}), {2, 8}, 2, 1);
       },
       "[unslice] dimension 2 is out of range"},
      {[] { windows(ones({8}), 0, huge, 1, huge); }, "do not fit dimension 0"},
      {[] {
         conv(ones({1, 1, 8}), ones({1, 1, 2}), {}, {.padding = {huge << 30}});
       },
       "[conv] expected a padding between 0 and 2^31"},
      {[] {
         sum(ones({2, 2}), {0, -2});
       },
       "[sum] dimension -2 is named twice"},
      {[] {
         flip(ones({2, 2}), {1, 1});
       },
       "[flip] dimension 1 is named twice"},
      {[] { max(zeros({0})); }, "[max] expected at least one element, got f32 (0,)"},
      {[] {
         min(zeros({0, 2}), {0});
       },
       "[min] expected at least one element, got f32 (0, 2)"},
      {[] {
         embedding(zeros({0, 2}), zeros({1}, {DType::i64}));
       },
       "[embedding] index 0 is out of range"},
  };
  for (const Wrong& wrong : calls)
    EXPECT_NE(message_of(wrong.call).find(wrong.message), std::string::npos)
        << message_of(wrong.call) << "\n instead of " << wrong.message;
}

TEST(Sizes, ReductionsOfNothing) {
  const Tensor none = zeros({0, 2});
  EXPECT_EQ(sum(none, {0}).to_vector(), (std::vector<double>{0, 0}));
  EXPECT_EQ(prod(none, {0}).to_vector(), (std::vector<double>{1, 1}));
  EXPECT_EQ(max(none, {1}).shape(), (Dims{0}));
  EXPECT_TRUE(all(isnan(mean(none, {0}))).item());
  EXPECT_FALSE(any(isfinite(logsumexp(none, {0}))).item());
  EXPECT_EQ(softmax(none, 0).shape(), (Dims{0, 2}));
  EXPECT_EQ(log_softmax(none, 1).shape(), (Dims{0, 2}));
}

// An op on tensors with a size of 0: what shape comes out, and that every gradient has its input's shape and
// no other number than 0 (unless said, in `slopes`: the value of all of an input's elements).
struct Empty {
  const char* name;
  std::vector<Dims> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> call;
  Dims shape;
  std::vector<double> slopes{};
};

TEST(Sizes, OpsOnNothingGiveNothing) {
  using In = const std::vector<Tensor>&;
  const auto attend = [](In x) { return attention(x[0], x[1], x[2]); };
  const auto convolve = [](In x) { return conv(x[0], x[1], x.size() > 2 ? x[2] : Tensor()); };
  const std::vector<Empty> cases{
      {"no images", {{0, 2, 5}, {3, 2, 3}}, convolve, {0, 3, 3}},
      {"no images, 2-D", {{0, 2, 5, 5}, {3, 2, 3, 3}, {3}}, convolve, {0, 3, 3, 3}},
      {"no images, in groups",
       {{0, 2, 5, 5}, {4, 1, 3, 3}},
       [](In x) { return conv(x[0], x[1], {}, {.groups = 2}); },
       {0, 4, 3, 3}},
      {"no input channels", {{1, 0, 5}, {3, 0, 3}, {3}}, convolve, {1, 3, 3}, {0, 0, 3}},
      {"no output channels", {{1, 2, 5}, {0, 2, 3}}, convolve, {1, 0, 3}},
      {"group norm of no images",
       {{0, 4, 3}, {4}, {4}},
       [](In x) { return group_norm(x[0], 2, x[1], x[2]); },
       {0, 4, 3}},
      {"group norm of no pixels",
       {{2, 4, 0}, {4}, {4}},
       [](In x) { return group_norm(x[0], 2, x[1], x[2]); },
       {2, 4, 0}},
      {"layer norm of no rows",
       {{0, 4}, {4}, {4}},
       [](In x) { return layer_norm(x[0], x[1], x[2]); },
       {0, 4}},
      {"layer norm of no width",
       {{3, 0}, {0}, {0}},
       [](In x) { return layer_norm(x[0], x[1], x[2]); },
       {3, 0}},
      {"rms norm", {{0, 4}, {4}}, [](In x) { return rms_norm(x[0], x[1]); }, {0, 4}},
      {"linear", {{0, 4}, {3, 4}, {3}}, [](In x) { return linear(x[0], x[1], x[2]); }, {0, 3}},
      {"linear of no inputs",
       {{2, 0}, {3, 0}, {3}},
       [](In x) { return linear(x[0], x[1], x[2]); },
       {2, 3},
       {0, 0, 2}},
      {"linear of no inputs, plus",
       {{2, 0}, {3, 0}, {3}, {2, 3}},
       [](In x) { return linear(x[0], x[1], x[2], x[3]); },
       {2, 3},
       {0, 0, 2, 1}},
      {"linear_gelu", {{0, 4}, {3, 4}, {3}}, [](In x) { return linear_gelu(x[0], x[1], x[2]); }, {0, 3}},
      {"mlp",
       {{0, 4}, {3, 4}, {3}, {4, 3}, {4}},
       [](In x) { return mlp(x[0], x[1], x[2], x[3], x[4]); },
       {0, 4}},
      {"prod", {{0, 2}}, [](In x) { return prod(x[0], 0); }, {2}},
      {"products of no rows", {{2, 0, 3}, {2, 3, 4}}, [](In x) { return matmul(x[0], x[1]); }, {2, 0, 4}},
      {"no products", {{0, 2, 3}, {3, 4}}, [](In x) { return matmul(x[0], x[1]); }, {0, 2, 4}},
      {"attention over no sequences", {{0, 1, 2, 2}, {0, 1, 2, 2}, {0, 1, 2, 2}}, attend, {0, 1, 2, 2}},
      {"attention over no tokens", {{1, 2, 0, 3}, {1, 2, 0, 3}, {1, 2, 0, 3}}, attend, {1, 2, 0, 3}},
      {"attention without keys", {{1, 2, 2, 3}, {1, 2, 0, 3}, {1, 2, 0, 4}}, attend, {1, 2, 2, 4}},
      {"attention of no width", {{1, 2, 0}, {1, 2, 0}, {1, 2, 3}}, attend, {1, 2, 3}, {0, 0, 1}},
      {"attention to no width", {{1, 2, 3}, {1, 2, 3}, {1, 2, 0}}, attend, {1, 2, 0}},
      {"attention with a bias",
       {{1, 2, 0, 3}, {1, 2, 4, 3}, {1, 2, 4, 3}},
       [](In x) {
         return attention(x[0], x[1], x[2], {.causal = true, .bias = zeros({0, 4})});
       },
       {1, 2, 0, 3}},
  };
  for (const bool observed : {false, true}) {
    std::optional<Observer> listener;
    if (observed) listener.emplace();
    for (const Empty& op : cases) {
      std::vector<Tensor> inputs;
      for (const Dims& shape : op.inputs) inputs.push_back(full(shape, 0.5).set_requires_grad());
      const Tensor y = op.call(inputs);
      EXPECT_EQ(y.shape(), op.shape) << op.name;
      const std::vector<Tensor> gradients = grad(sum(y), inputs);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        EXPECT_EQ(gradients[i].shape(), inputs[i].shape()) << op.name << ", input " << i;
        const double slope = op.slopes.empty() ? 0 : op.slopes[i];
        for (const double value : gradients[i].to_vector())
          EXPECT_FLOAT_EQ(static_cast<float>(value), static_cast<float>(slope)) << op.name << ", input " << i;
      }
    }
  }
}

}  // namespace
}  // namespace lockstep
