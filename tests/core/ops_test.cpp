// What ops say about wrong inputs: the op, what was expected, what came.
#include "core/ops.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "core/autograd.h"
#include "core/random/keyed_stream.h"
#include "core/random/random_tensors.h"

namespace lockstep {
namespace {

struct WrongCall {
  const char* message;  // a part of it
  std::function<void()> call;
};

TEST(OpErrors, SayWhatIsWrong) {
  const Tensor x = ones({2, 3}), i = from_values<std::int64_t>({2}, {0, 7});
  const Tensor mask = from_values<std::uint8_t>({2}, {1, 0});
  const std::vector<WrongCall> calls{
      {"[add] shapes do not broadcast: (2, 3) and (4,): 3 against 4", [&] { x + ones({4}); }},
      {"[mul] element types differ: f32 (2, 3) and f64 (3,): convert one with to()",
       [&] { x* ones({3}, {DType::f64}); }},
      {"[where] the condition must be u8, got f32 (2, 3)", [&] { where(x, x, x); }},
      {"[softmax] expected f32 or f64, got i64 (2,): convert it with to()", [&] { softmax(i, 0); }},
      {"[multi_head_attention] expected at least one head, got 0", [&] { multi_head_attention(x, x, x, 0); }},
      {"[index_select] index 7 is out of range: expected 0 ... 1", [&] { index_select(x, i, 0); }},
      {"[softmax] dimension 2 is out of range for a tensor of rank 2", [&] { softmax(x, 2); }},
      {"[reshape] f32 (2, 3) does not fit (4, -1)",
       [&] {
         reshape(x, {4, -1});
       }},
      {"[reshape] f32 (2, 3) has 6 elements, (7,) has 7", [&] { reshape(x, {7}); }},
      {"[expand] ",
       [&] {
         expand(x, {2, 4});
       }},
      {"[permute] dimension 1 is named twice",
       [&] {
         permute(x, {1, 1});
       }},
      {"[slice] 1:4:1 is out of range along dimension 1", [&] { slice(x, 1, 1, 4); }},
      {"[cat] f32 (2, 4) does not go with f32 (2, 3) along dimension 0",
       [&] {
         cat({x, ones({2, 4})}, 0);
       }},
      {"[stack] f32 (2, 4) does not go with f32 (2, 3)",
       [&] {
         stack({x, ones({2, 4})}, 0);
       }},
      {"[masked_fill] expected a u8 mask", [&] { masked_fill(x, x, 0); }},
      {"[embedding] index 7 is out of range: expected 0 ... 1", [&] { embedding(x, i); }},
      {"[embedding] expected an i64 index, got f32 (2, 3)", [&] { embedding(x, x); }},
      {"[gather] index 7 is out of range: expected 0 ... 2",
       [&] {
         gather(x, reshape(i, {2, 1}), 1);
       }},
      {"[matmul] inner sizes differ: (2, 3) x (2, 3): 3 != 2", [&] { matmul(x, x); }},
      {"[linear] expected x (..., in) and weight (out, in), got f32 (2, 3) and f32 (3, 2)",
       [&] {
         linear(x, ones({3, 2}));
       }},
      {"[linear] expected what it is added to like the result, f32 (2, 4), got f32 (4,)",
       [&] {
         linear(x, ones({4, 3}), {}, ones({4}));
       }},
      {"[linear_gelu] expected a bias of shape (4,), got f32 (3,)",
       [&] {
         linear_gelu(x, ones({4, 3}), ones({3}));
       }},
      {"[mlp] expected x (..., in) and weight (out, in), got f32 (2, 4) and f32 (5, 3)",
       [&] {
         mlp(x, ones({4, 3}), {}, ones({5, 3}), {});
       }},
      {"[conv] expected x (..., C, spatial) and weight",
       [&] {
         conv(ones({2, 3, 8}), ones({4, 2, 3}));
       }},
      {"[conv] weight (4, 3, 9) with stride 1, dilation 1 and padding 0 does not fit",
       [&] {
         conv(ones({2, 3, 8}), ones({4, 3, 9}));
       }},
      {"[layer_norm] a weight of shape (4,) does not fit the trailing dimensions of f32 (2, 3)",
       [&] { layer_norm(x, ones({4})); }},
      {"[group_norm] expected x (N, C, ...) with C divisible by 2 groups", [&] { group_norm(x, 2); }},
      {"[dropout] the rate must lie in [0, 1], got 1.5", [&] { dropout(x, 1.5, KeyedStream(0, "", "")); }},
      {"[cross_entropy] target 7 is out of range: expected 0 ... 2, or -100 to ignore a row",
       [&] { cross_entropy(x, i); }},
      {"[cross_entropy] expected logits (..., classes) and i64 targets (...)",
       [&] { cross_entropy(x, ones({3}, {DType::i64})); }},
      {"[cross_entropy] expected logits and probabilities of one shape and type",
       [&] { cross_entropy(x, ones({2})); }},
      {"[mse_loss] expected two tensors of one shape, or a single number, got f32 (3, 1) and f32 (3,)",
       [] {
         mse_loss(ones({3, 1}), ones({3}));
       }},
      {"[exp] expected f32 or f64, got i64 (2,): convert it with to()", [&] { exp(i); }},
      {"[conv] expected a bias of shape (4,), got f32 (3,)",
       [] {
         conv(ones({2, 3, 8}), ones({4, 3, 3}), ones({3}));
       }},
      {"[attention] expected q (..., T, D)",
       [&] {
         attention(x, x, ones({3, 3}));
       }},
      {"[attention] masks are u8 (1 keeps), got f32 (2, 3)", [&] { attention(x, x, x, {.mask = x}); }},
      {"[attention] expected a key padding mask (batch..., 2)",
       [&] { attention(x, x, x, {.key_padding_mask = mask}); }},
      {"[packed_attention] expected qkv (..., T, 3 heads D) with heads = 2, got f32 (2, 3)",
       [&] { packed_attention(x, 2); }},
  };
  for (const WrongCall& wrong : calls) {
    try {
      wrong.call();
      ADD_FAILURE() << "nothing was thrown instead of " << wrong.message;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(wrong.message), std::string::npos)
          << error.what() << "\n instead of\n"
          << wrong.message;
    }
  }
}

TEST(Ops, EdgesAreThoseOfPyTorch) {
  EXPECT_EQ(clamp(from_values<double>({3}, {-2, 0, 2}), 1, -1).to_vector(),
            (std::vector<double>{-1, -1, -1}));
  const Tensor x = from_values<double>({2}, {1, 3}).set_requires_grad();
  const Tensor y = var(x, {0}, false, 2);
  backward(y);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(y.item(), infinity);
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{-infinity, infinity}));
}

// 8 MiB of hidden values, which are computed again in the backward pass: the same gradients as without.
TEST(Mlp, ComputesALargeHiddenLayerAgain) {
  const auto made = [](const Dims& shape, double from) {
    return reshape(arange(shape.numel(), {DType::f32}), shape) * (0.37 / static_cast<double>(shape.numel())) +
           from;
  };
  const auto gradients = [&](auto function) {
    std::vector<Tensor> in{made({2100, 3}, -1), made({1024, 3}, 0.1), made({1024}, -0.4),
                           made({2, 1024}, -0.2), made({2}, 0)};
    for (Tensor& x : in) x.set_requires_grad(true);
    const Tensor y = function(in);
    std::vector<Tensor> all = grad(sum(y * y), in);
    all.push_back(y.detach());
    return all;
  };
  const auto fused = gradients([](const auto& in) { return mlp(in[0], in[1], in[2], in[3], in[4]); });
  const auto apart =
      gradients([](const auto& in) { return linear(linear_gelu(in[0], in[1], in[2]), in[3], in[4]); });
  for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_EQ(fused[i].to_vector(), apart[i].to_vector()) << i;
}

// Keys and values that all sequences and heads share.
TEST(Attention, KeysBroadcast) {
  const Tensor q = randn({2, 3, 5, 4}, {DType::f64}), k = randn({7, 4}, {DType::f64});
  const Tensor all = attention(q, expand(k, {2, 3, 7, 4}), expand(k, {2, 3, 7, 4}));
  EXPECT_LT(max(abs(attention(q, k, k) - all)).item(), 1e-15);
}

TEST(Attention, AQueryWithoutKeysGivesZerosAndTakesNoGradient) {
  const Tensor mask = from_values<std::uint8_t>({2, 3}, {1, 0, 1, 0, 0, 0});
  for (const bool stored : {false, true}) {
    Tensor q = ones({2, 1, 2, 4}), k = ones({2, 1, 3, 4}), v = ones({2, 1, 3, 4});
    for (Tensor* x : {&q, &k, &v}) x->set_requires_grad();
    const AttentionOptions options{.key_padding_mask = mask};
    const Tensor y = stored ? matmul(attention_weights(q, k, options), v) : attention(q, k, v, options);
    EXPECT_EQ(sum(y, {1, 2, 3}).to_vector(), (std::vector<double>{8, 0}));
    backward(sum(y));
    EXPECT_EQ(sum(v.grad(), {1, 2, 3}).to_vector(), (std::vector<double>{8, 0}));
    EXPECT_EQ(sum(abs(q.grad())).item(), 0);
  }
}

TEST(Dropout, KeepsTheShareAndTheMean) {
  Tensor x = ones({1000, 100}).set_requires_grad();
  const Tensor y = dropout(x, 0.25, KeyedStream(1, "dropout", "test"));
  EXPECT_NEAR(mean(y).item(), 1, 0.01);  // standard deviation sqrt(1/3 / 1e5) = 0.0018
  EXPECT_FLOAT_EQ(static_cast<float>(max(y).item()), 1 / 0.75f);
  backward(sum(y));
  EXPECT_EQ(x.grad().to_vector(), y.to_vector());
  EXPECT_TRUE(dropout(x, 0, KeyedStream(1, "dropout", "test")).is_same(x));
}

}  // namespace
}  // namespace lockstep
