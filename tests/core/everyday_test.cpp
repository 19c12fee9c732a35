// What nearly every program needs: comparisons, order, changes in place, pieces, printing, derivatives by
// name.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "core/autograd.h"
#include "core/checkpoint.h"
#include "core/ops.h"
#include "core/print.h"
#include "core/random/random_tensors.h"

namespace lockstep {
namespace {

using Values = std::vector<double>;
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

TEST(Everyday, ThereIsAShortWayToSayIt) {
  Tensor x = from_values({2, 2}, {1.f, 2.f, 3.f, 4.f}).set_requires_grad();
  EXPECT_EQ(x.dtype(), DType::f32);
  EXPECT_EQ(from_values({2}, {1, 2}).dtype(), DType::i64);
  EXPECT_EQ(from_values({2}, {true, false}).dtype(), DType::u8);
  EXPECT_EQ(grad(sum(x * x), x).to_vector(), (Values{2, 4, 6, 8}));
  EXPECT_EQ(grad(sum(x), {x})[0].to_vector(), (Values{1, 1, 1, 1}));
  EXPECT_EQ(sum(x, 1).to_vector(), (Values{3, 7}));
  EXPECT_EQ(x[1].to_vector(), (Values{3, 4}));
  EXPECT_EQ(x[-1][0].item(), 3);
  EXPECT_EQ(cat({x, x}).shape(), (Dims{4, 2}));
  EXPECT_EQ(stack({x, x}).shape(), (Dims{2, 2, 2}));
  EXPECT_THROW(x[2], Error);
}

TEST(Everyday, Comparisons) {
  const Tensor x = from_values({4}, {1.0, 2.0, 3.0, NaN}), i = arange(4);
  EXPECT_EQ((x > 2).to_vector(), (Values{0, 0, 1, 0}));
  EXPECT_EQ((x != x).to_vector(), isnan(x).to_vector());
  EXPECT_EQ((i >= 1.5).to_vector(), (Values{0, 0, 1, 1}));
  EXPECT_EQ((i == reshape(arange(2), {2, 1})).shape(), (Dims{2, 4}));
  EXPECT_EQ(logical_and(i > 0, logical_not(i == 2)).to_vector(), (Values{0, 1, 0, 1}));
  EXPECT_EQ(logical_or(i < 1, i == 3).to_vector(), (Values{1, 0, 0, 1}));
  EXPECT_EQ(isfinite(x).to_vector(), (Values{1, 1, 1, 0}));
  EXPECT_EQ(any(i == 3).item() + all(i >= 0).item() + any(i > 3).item() + all(zeros({0})).item(), 3);
  EXPECT_EQ((x > 2).dtype(), DType::u8);
}

TEST(Everyday, WholeNumbersCount) {
  const Tensor i = arange(4), large = from_values({1}, {(std::int64_t{1} << 62) + 1});
  EXPECT_EQ((i * 2 + i - 1).to_vector(), (Values{-1, 2, 5, 8}));
  EXPECT_EQ((-i).to_vector(), (Values{0, -1, -2, -3}));
  EXPECT_EQ(maximum(i, full({}, 2, {DType::i64})).to_vector(), (Values{2, 2, 2, 3}));
  EXPECT_EQ(sum(ones({300}, {DType::u8})).item(), 300);
  EXPECT_EQ(max(large).data<std::int64_t>()[0], (std::int64_t{1} << 62) + 1);
  EXPECT_THROW(i * 0.5, Error);
  EXPECT_THROW(i / 2, Error);
  EXPECT_THROW(mean(i), Error);
  EXPECT_THROW(exp(i), Error);
}

TEST(Everyday, Order) {
  const Tensor x = reshape(from_values({6}, {3.0, 1.0, 3.0, -1.0, 5.0, NaN}), {2, 3}).set_requires_grad();
  EXPECT_EQ(argmax(x).item(), 5);
  EXPECT_EQ(argmin(x, 1).to_vector(), (Values{1, 2}));
  EXPECT_EQ(argmax(slice(x, 1, 0, 2), 0, true).to_vector(), (Values{0, 1}));
  const Ordered best = max_with_indices(slice(x, 0, 0, 1), 1);
  EXPECT_EQ(best.values.item() + best.indices.item(), 3);
  EXPECT_EQ(grad(sum(best.values), x).to_vector(), (Values{1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(argsort(x, -1).to_vector(), (Values{1, 0, 2, 0, 1, 2}));
  EXPECT_EQ(argsort(x, 1, true).to_vector(), (Values{0, 2, 1, 2, 1, 0}));
  const Ordered two = topk(slice(x, 0, 0, 1), 2);
  EXPECT_EQ(two.values.to_vector(), (Values{3, 3}));
  EXPECT_EQ(two.indices.to_vector(), (Values{0, 2}));
  EXPECT_EQ(topk(x, 1, 0, false).indices.to_vector(), (Values{1, 0, 0}));
  EXPECT_THROW(topk(x, 4), Error);
}

TEST(Everyday, ChangesInPlace) {
  Tensor x = ones({2}), alias = x;
  x += from_values({2}, {1.f, 2.f});
  x *= 2;
  EXPECT_EQ(alias.to_vector(), (Values{4, 6})) << "nothing is recorded: in place";
  lerp_(x, zeros({2}), 0.25);
  EXPECT_EQ(x.to_vector(), (Values{3, 4.5}));
  fill_(x, 1);
  copy_(x, full({}, 7, {DType::i64}));
  EXPECT_EQ(alias.to_vector(), (Values{7, 7}));

  Tensor w = ones({2}).set_requires_grad(), h = w * 2;
  const Tensor before = h;
  h += w;
  EXPECT_EQ(before.to_vector(), (Values{2, 2})) << "recorded: a new tensor";
  EXPECT_EQ(grad(sum(h), w).to_vector(), (Values{3, 3}));
  EXPECT_THROW(w += 1, Error);
  EXPECT_THROW(fill_(w, 1), Error);
  EXPECT_THROW(fill_(expand(zeros({1}), {2}), 1), Error);
  const Tensor loss = sum(w * w);
  {
    const NoGrad no_grad;
    w -= 0.5;
  }
  EXPECT_TRUE(w.requires_grad());
  EXPECT_EQ(w.to_vector(), (Values{0.5, 0.5}));
  EXPECT_THROW(backward(loss), Error) << "w was saved, and has changed";
}

TEST(Everyday, ALabelOrMaskThatIsRefilledBeforeBackwardIsNoticed) {
  const Tensor x = ones({2, 3}).set_requires_grad(), q = ones({1, 1, 2, 4}).set_requires_grad();
  const Tensor label = zeros({2}, {DType::i64}), mask = ones({1, 2}, {DType::u8});
  const Tensor entropy = cross_entropy(x, label), seen = sum(attention(q, q, q, {.key_padding_mask = mask}));
  fill_(label, 1);
  fill_(mask, 0);
  EXPECT_THROW(backward(entropy), Error);
  EXPECT_THROW(backward(seen), Error);
}

TEST(Everyday, Pieces) {
  const Tensor x = reshape(arange(10, {DType::f64}), {5, 2});
  EXPECT_EQ(split(x, 2)[2].to_vector(), (Values{8, 9}));
  EXPECT_EQ(split(x, std::vector<std::int64_t>{1, 4})[1].shape(), (Dims{4, 2}));
  EXPECT_EQ(chunk(x, 2)[1].shape(), (Dims{2, 2}));
  EXPECT_EQ(unsqueeze(x, -1).shape(), (Dims{5, 2, 1}));
  EXPECT_EQ(squeeze(unsqueeze(x, 0), 0).shape(), (Dims{5, 2}));
  EXPECT_EQ(pad(x[0], 0, 1, 2, -1).to_vector(), (Values{-1, 0, 1, -1, -1}));
  EXPECT_EQ(one_hot(from_values({2}, {2, 0}), 3).to_vector(), (Values{0, 0, 1, 1, 0, 0}));
  EXPECT_THROW(split(x, std::vector<std::int64_t>{1, 5}), Error);
  EXPECT_THROW(squeeze(x, 0), Error);
  EXPECT_THROW(one_hot(from_values({1}, {3}), 3), Error);
  EXPECT_THROW(one_hot(from_values({1}, {0}), -2), Error);
}

TEST(Everyday, Norms) {
  const Tensor x = from_values({3}, {3.0, 4.0, 0.0}).set_requires_grad();
  EXPECT_EQ(norm(x).item(), 5);
  EXPECT_LT(max(abs(grad(norm(x), x) - x.detach() / 5)).item(), 1e-15);
  const Tensor zero = zeros({3}, {DType::f64}).set_requires_grad();
  EXPECT_EQ(grad(norm(zero), zero).to_vector(), (Values{0, 0, 0}));
  EXPECT_EQ(grad(stddev(zero), zero).to_vector(), (Values{0, 0, 0}));
  EXPECT_DOUBLE_EQ(stddev(x).item(), std::sqrt(13.0 / 3));
}

TEST(Everyday, Einsum) {
  const Tensor a = randn({2, 3, 4}, {DType::f64}), b = randn({2, 4, 5}, {DType::f64}),
               m = randn({4, 4}, {DType::f64});
  const auto far = [](const Tensor& x, const Tensor& y) { return max(abs(x - y)).item(); };
  EXPECT_LT(far(einsum("bij,bjk->bik", {a, b}), matmul(a, b)), 1e-14);
  EXPECT_LT(far(einsum("bij, bjk -> kb", {a, b}), transpose(sum(matmul(a, b), 1), 0, 1)), 1e-13);
  EXPECT_LT(far(einsum("ii", {m}), m[0][0] + m[1][1] + m[2][2] + m[3][3]), 1e-14);
  EXPECT_LT(far(einsum("ij->ji", {m}), transpose(m, 0, 1)), 1e-15);
  EXPECT_LT(far(einsum("i,j->ij", {m[0], m[1]}), unsqueeze(m[0], 1) * m[1]), 1e-15);
  EXPECT_LT(
      far(einsum("bij,jk,bjl->bkl", {a, m, b}), matmul(transpose(unsqueeze(sum(a, 1), -1) * m, -1, -2), b)),
      1e-13);
  for (const char* wrong : {"ij,jk->ik", "bij,bjk->bix", "bij,bkj->bik", "bi,bjk->b", "bij->b"})
    EXPECT_THROW(einsum(wrong, {a, b}), Error) << wrong;
}

// Queries share keys in groups; a cache of keys moves the causal diagonal; positions turn with the offset.
TEST(Everyday, GroupedCausalAttentionWithACache) {
  const Tensor q = randn({2, 4, 6, 8}, {DType::f64}), k = randn({2, 2, 6, 8}, {DType::f64}),
               v = randn({2, 2, 6, 8}, {DType::f64});
  const auto far = [](const Tensor& x, const Tensor& y) { return max(abs(x - y)).item(); };
  const Tensor whole = attention(q, k, v, {.causal = true});
  for (std::int64_t b = 0; b < 2; ++b) {
    const auto heads = [&](const Tensor& x) { return stack({x[b][0], x[b][0], x[b][1], x[b][1]}); };
    EXPECT_LT(far(whole[b], attention(q[b], heads(k), heads(v), {.causal = true})), 1e-15);
  }
  EXPECT_LT(far(attention(q, slice(k, 1, 0, 1), slice(v, 1, 0, 1)),
                attention(q, expand(slice(k, 1, 0, 1), q.shape()), expand(slice(v, 1, 0, 1), q.shape()))),
            1e-15);
  for (const std::int64_t first : {2, 5}) {
    const Tensor part = attention(slice(q, 2, first, 6), k, v, {.causal = true, .causal_offset = first});
    EXPECT_LT(far(part, slice(whole, 2, first, 6)), 1e-14) << first;
  }
  EXPECT_LT(far(multi_head_attention(merge_heads(q), merge_heads(k), merge_heads(v), 4, {.causal = true}),
                merge_heads(whole)),
            1e-15);
  for (const bool interleaved : {false, true}) {
    const Tensor turned = rope(q, {.interleaved = interleaved});
    EXPECT_LT(far(rope(slice(q, 2, 4, 6), {.offset = 4, .interleaved = interleaved}), slice(turned, 2, 4, 6)),
              1e-14);
    EXPECT_LT(far(norm(turned, -1), norm(q, -1)), 1e-14);
    // The product of two turned vectors depends on their distance alone.
    const auto at = [&](std::int64_t i) {
      return rope(slice(q, 2, 0, 1), {.offset = i, .interleaved = interleaved});
    };
    EXPECT_LT(far(sum(at(7) * at(3), -1), sum(at(14) * at(10), -1)), 1e-13);
  }
}

TEST(Everyday, JacobianAndCheckpoint) {
  Tensor x = from_values({3}, {1.0, 2.0, 3.0}).set_requires_grad();
  const Tensor m = jacobian(x * sum(x), x);
  EXPECT_EQ(m.to_vector(), (Values{7, 1, 1, 2, 8, 2, 3, 3, 9}));

  const Tensor w = from_values({3}, {0.5, -1.0, 2.0}).set_requires_grad();
  int calls = 0;
  const auto f = [&](const std::vector<Tensor>& in) {
    ++calls;
    return tanh(in[0] * w) * w;
  };
  const auto derivatives = [&](const Tensor& y) {
    const std::vector<Tensor> first = grad(sum(y * y), {x, w}, {}, {.create_graph = true});
    std::vector<Tensor> all = grad(sum(first[0] * first[1]), {x, w});
    all.insert(all.end(), first.begin(), first.end());
    return all;
  };
  const std::vector<Tensor> plain = derivatives(f({square(x)}));
  calls = 0;
  const std::vector<Tensor> again = derivatives(checkpoint(f, {square(x)}));
  EXPECT_GE(calls, 2);
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_LT(max(abs(plain[i] - again[i])).item(), 1e-12) << i;
  backward(sum(checkpoint(f, {x.detach()})));
  EXPECT_TRUE(w.grad().defined());
}

TEST(Everyday, EnableGradInsideNoGrad) {
  const Tensor x = ones({}).set_requires_grad();
  const NoGrad no_grad;
  EXPECT_FALSE((x * 2).requires_grad());
  const EnableGrad again;
  EXPECT_TRUE((x * 2).requires_grad());
}

TEST(Everyday, TensorsPrintThemselves) {
  std::ostringstream out;
  out << from_values({2, 2}, {1.0, -0.5, 2.0, 3.25});
  EXPECT_EQ(out.str(), "[[ 1.0000, -0.5000],\n [ 2.0000,  3.2500]] f64 (2, 2)");
  EXPECT_EQ(to_string(arange(3)), "[0, 1, 2] i64 (3,)");
  EXPECT_EQ(to_string(ones({})), "1. f32 ()");
  EXPECT_EQ(to_string(from_values({2}, {1e-7, 1.0})), "[1.0000e-07, 1.0000e+00] f64 (2,)");
  EXPECT_EQ(to_string(from_values({2}, {NaN, 1.5})), "[   nan, 1.5000] f64 (2,)");
  EXPECT_EQ(to_string(zeros({0, 3})), "[] f32 (0, 3)");
  EXPECT_EQ(to_string(arange(1001)), "[   0,    1,    2, ...,  998,  999, 1000] i64 (1001,)");
  EXPECT_EQ(to_string(reshape(arange(8), {2, 2, 2})),
            "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]] i64 (2, 2, 2)");
  EXPECT_EQ(fmt::format("{}", Tensor()), "an undefined tensor");
}

}  // namespace
}  // namespace lockstep
