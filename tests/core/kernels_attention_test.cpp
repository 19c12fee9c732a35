#include <fmt/format.h>

#include "core/cpu/simd/attention.h"
#include "core/runtime/parallel.h"
#include "kernels_support.h"

namespace lockstep::cpu::test {
namespace {

using AttentionTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Targets, AttentionTest, testing::ValuesIn(targets()), target_name);

// Inputs, the kernel's results and those of the definition in long double. q, k and v lie in one (batch,
// token, 3, head, dim) buffer if `combined`, else each in its own (batch, token, head, dim).
template <typename T>
struct AttentionCase {
  Attention call;
  bool combined = false;
  double size = 1;  // of the inputs
  std::vector<T> q, k, v, dout, out, lse, dq, dk, dv;

  explicit AttentionCase(const Attention& shape, bool in_one = false, double scale = 1)
      : call(shape), combined(in_one), size(scale) {
    const std::int64_t nq = call.batch * call.queries * call.heads, nk = call.batch * call.keys * call.heads;
    if (combined) {
      q = random_values<T>(3 * nq * call.dim, size, 1);
    } else {
      q = random_values<T>(nq * call.dim, size, 1), k = random_values<T>(nk * call.dim, size, 2);
      v = random_values<T>(nk * call.value_dim, 1, 3);
    }
    dout = random_values<T>(nq * call.value_dim, 1, 4);
    out.assign(dout.size(), T(7)), lse.assign(static_cast<std::size_t>(nq), T(7));
    dq.assign(q.size(), T(7)), dk.assign(k.size(), T(7)), dv.assign(v.size(), T(7));
  }

  template <typename U>
  AttentionView<U> packed(U* data, std::int64_t tokens, std::int64_t dim) const {
    return {data, tokens * call.heads * dim, dim, call.heads * dim};
  }
  template <typename U>
  AttentionView<U> view(U* all, U* own, int part) const {
    const std::int64_t dim = part == 2 ? call.value_dim : call.dim, step = call.heads * dim;
    if (combined) return {all + part * step, call.queries * 3 * step, dim, 3 * step};
    return packed(own, part == 0 ? call.queries : call.keys, dim);
  }

  void run() {
    const T *const all = q.data(), *const own_k = k.data(), *const own_v = v.data();
    const auto vq = view(all, all, 0), vk = view(all, own_k, 1), vv = view(all, own_v, 2);
    attention_forward(packed(out.data(), call.queries, call.value_dim), lse.data(), vq, vk, vv, call);
    attention_backward(
        view(dq.data(), dq.data(), 0), view(dq.data(), dk.data(), 1), view(dq.data(), dv.data(), 2),
        packed<const T>(dout.data(), call.queries, call.value_dim),
        packed<const T>(out.data(), call.queries, call.value_dim), lse.data(), vq, vk, vv, call);
  }

  bool sees(std::int64_t b, std::int64_t i, std::int64_t j) const {
    return !(call.causal && j > i + call.causal_offset) &&
           (call.key_mask == nullptr || call.key_mask[b * call.keys + j] != 0);
  }

  // Runs the kernels and compares everything with the definition, up to `epsilons` of the largest number.
  void expect(double epsilons) {
    run();
    using L = long double;
    std::vector<L> eout(out.size()), else_(lse.size()), edq(dq.size()), edk(dk.size()), edv(dv.size());
    const T* const all = q.data();
    L* const dall = edq.data();
    for (std::int64_t b = 0; b < call.batch; ++b) {
      for (std::int64_t h = 0; h < call.heads; ++h) {
        const auto row = [&](const auto& at, std::int64_t token) {
          return at.head(b, h) + token * at.token_stride;
        };
        const auto vq = view(all, all, 0), vk = view(all, static_cast<const T*>(k.data()), 1);
        const auto vv = view(all, static_cast<const T*>(v.data()), 2);
        const auto gq = view(dall, dall, 0), gk = view(dall, edk.data(), 1), gv = view(dall, edv.data(), 2);
        const auto vo = packed(eout.data(), call.queries, call.value_dim);
        const auto vd = packed<const T>(dout.data(), call.queries, call.value_dim);
        for (std::int64_t i = 0; i < call.queries; ++i) {
          std::vector<L> p(static_cast<std::size_t>(call.keys)), dp(p.size());
          L most = -std::numeric_limits<L>::infinity(), sum = 0, delta = 0;
          for (std::int64_t j = 0; j < call.keys; ++j) {
            L score = 0;
            for (std::int64_t c = 0; c < call.dim; ++c)
              score += static_cast<L>(row(vq, i)[c]) * row(vk, j)[c];
            p[static_cast<std::size_t>(j)] = score * call.scale;
            if (sees(b, i, j)) most = std::max(most, score * static_cast<L>(call.scale));
          }
          for (std::int64_t j = 0; j < call.keys; ++j) {
            L& w = p[static_cast<std::size_t>(j)];
            w = sees(b, i, j) ? std::exp(w - most) : 0;
            sum += w;
          }
          else_[static_cast<std::size_t>((b * call.heads + h) * call.queries + i)] = most + std::log(sum);
          for (std::int64_t j = 0; j < call.keys; ++j) {
            L &w = p[static_cast<std::size_t>(j)], &dw = dp[static_cast<std::size_t>(j)];
            w = sum > 0 ? w / sum : 0;
            for (std::int64_t c = 0; c < call.value_dim; ++c) {
              row(vo, i)[c] += w * row(vv, j)[c];
              row(gv, j)[c] += w * row(vd, i)[c];
              dw += static_cast<L>(row(vd, i)[c]) * row(vv, j)[c];
            }
            delta += w * dw;
          }
          for (std::int64_t j = 0; j < call.keys; ++j) {
            const auto at = static_cast<std::size_t>(j);
            const L ds = p[at] * (dp[at] - delta) * static_cast<L>(call.scale);
            for (std::int64_t c = 0; c < call.dim; ++c) {
              row(gq, i)[c] += ds * row(vk, j)[c];
              row(gk, j)[c] += ds * row(vq, i)[c];
            }
          }
        }
      }
    }
    const double most = epsilons * epsilon<T>;
    EXPECT_LE(relative_error(out, eout), most) << describe();
    EXPECT_LE(relative_error(dq, edq), most) << describe();
    EXPECT_LE(relative_error(dk, edk), most) << describe();
    EXPECT_LE(relative_error(dv, edv), most) << describe();
    for (std::size_t i = 0; i < lse.size(); ++i) {
      if (std::isinf(else_[i])) {
        ASSERT_EQ(lse[i], -std::numeric_limits<T>::infinity());
      } else {
        ASSERT_NEAR(lse[i], static_cast<double>(else_[i]),
                    most * std::max(1.0, static_cast<double>(std::abs(else_[i]))));
      }
    }
  }

  std::string describe() const {
    return fmt::format("queries {} keys {} dim {} value_dim {} causal {} by {}", call.queries, call.keys,
                       call.dim, call.value_dim, call.causal, call.causal_offset);
  }
};

template <typename T>
void expect_shapes() {
  for (const std::int64_t tokens : {1, 3, 8, 17, 32, 33, 65, 130}) {
    for (const std::int64_t dim : {16, 33}) {
      for (const bool causal : {false, true}) {
        const Attention call{.batch = 2,
                             .heads = 2,
                             .queries = tokens,
                             .keys = tokens,
                             .dim = dim,
                             .value_dim = dim,
                             .scale = 1 / std::sqrt(static_cast<double>(dim)),
                             .causal = causal};
        AttentionCase<T>(call, true).expect(24);
      }
    }
  }
}

TEST_P(AttentionTest, IsTheDefinition) {
  expect_shapes<float>();
  expect_shapes<double>();
}

template <typename T>
void expect_odd_shapes() {
  for (const bool causal : {false, true}) {
    for (const auto& [queries, keys] : {std::pair{5, 70}, {70, 5}, {1, 130}, {40, 17}, {3, 4}, {4, 3}}) {
      for (const auto& [dim, value_dim] : {std::pair{1, 1}, {3, 64}, {24, 8}, {64, 40}, {128, 128}, {5, 3}}) {
        AttentionCase<T>({.batch = 1,
                          .heads = 3,
                          .queries = queries,
                          .keys = keys,
                          .dim = dim,
                          .value_dim = value_dim,
                          .scale = 0.3,
                          .causal = causal})
            .expect(64);
      }
    }
  }
}

TEST_P(AttentionTest, TakesOtherNumbersOfKeysAndDims) {
  expect_odd_shapes<float>();
  expect_odd_shapes<double>();
}

// Queries that continue a cache of keys; below 0 the first ones see none.
template <typename T>
void expect_offsets() {
  for (const auto& [queries, keys] : {std::pair{1, 70}, {5, 8}, {33, 65}, {40, 140}, {70, 33}}) {
    for (const std::int64_t offset : {-200, -34, -3, -1, 1, 3, 7, 16, 31, 32, 50, 100}) {
      for (const std::int64_t dim : {16, 33}) {
        AttentionCase<T>({.batch = 1,
                          .heads = 2,
                          .queries = queries,
                          .keys = keys,
                          .dim = dim,
                          .value_dim = dim,
                          .scale = 0.2,
                          .causal = true,
                          .causal_offset = offset})
            .expect(64);
      }
    }
  }
}

TEST_P(AttentionTest, TakesAnOffset) {
  expect_offsets<float>();
  expect_offsets<double>();
}

template <typename T>
void expect_masks(std::int64_t tokens, std::int64_t dim = 16) {
  // Every third key hidden; the second row's first half; all of the third row.
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(3 * tokens));
  for (std::int64_t j = 0; j < tokens; ++j) {
    mask[static_cast<std::size_t>(j)] = j % 3 != 0;
    mask[static_cast<std::size_t>(tokens + j)] = j >= tokens / 2;
  }
  for (const bool causal : {false, true}) {
    AttentionCase<T> c({.batch = 3,
                        .heads = 2,
                        .queries = tokens,
                        .keys = tokens,
                        .dim = dim,
                        .value_dim = dim,
                        .scale = 1 / std::sqrt(static_cast<double>(dim)),
                        .causal = causal,
                        .key_mask = mask.data()});
    c.expect(24);
    for (std::size_t i = c.out.size() / 3 * 2; i < c.out.size(); ++i) {
      ASSERT_EQ(c.out[i], 0);
      ASSERT_EQ(c.dk[i], 0);
      ASSERT_EQ(c.dq[i], 0);
    }
  }
}

TEST_P(AttentionTest, HidesKeys) {
  for (const std::int64_t tokens : {3, 6, 17, 32, 100}) {
    expect_masks<float>(tokens);
    expect_masks<double>(tokens);
  }
}

// Wide heads: the backward takes 128 keys (f32) or 64 (f64) at a time.
TEST_P(AttentionTest, TakesKeysInParts) {
  Attention call{
      .batch = 1, .heads = 1, .queries = 40, .keys = 140, .dim = 250, .value_dim = 256, .scale = 0.06};
  AttentionCase<float>(call).expect(24);
  AttentionCase<double>(call).expect(24);
  call.queries = call.keys = 100;
  call.causal = true;
  AttentionCase<double>(call).expect(24);
  expect_masks<double>(100, 250);
}

// Scores of some hundreds: one weight is 1 and the others vanish, and the running maximum moves.
TEST_P(AttentionTest, KeepsItsDigitsForLargeScores) {
  const Attention call{
      .batch = 1, .heads = 1, .queries = 150, .keys = 150, .dim = 32, .value_dim = 32, .scale = 1};
  AttentionCase<float>(call, false, 8).expect(600);
  AttentionCase<double>(call, false, 8).expect(600);
}

TEST_P(AttentionTest, PassesNaNOn) {
  for (const std::int64_t tokens : {3, 40}) {
    AttentionCase<float> c({.batch = 1,
                            .heads = 1,
                            .queries = tokens,
                            .keys = tokens,
                            .dim = 16,
                            .value_dim = 16,
                            .scale = 1,
                            .causal = true});
    c.k[17] = std::numeric_limits<float>::quiet_NaN();  // key 1: seen by all but query 0
    c.run();
    for (std::size_t i = 0; i < c.out.size(); ++i) ASSERT_EQ(std::isnan(c.out[i]), i >= 16) << i;
  }
}

std::vector<float> all_results(Attention call, std::int64_t batch, std::int64_t tokens, int thread_count) {
  const Threads threads(thread_count);
  call.batch = batch, call.queries = call.keys = tokens;
  AttentionCase<float> c(call, true);
  c.run();
  c.dq.insert(c.dq.end(), c.out.begin(), c.out.end());
  c.dq.insert(c.dq.end(), c.lse.begin(), c.lse.end());
  return c.dq;
}

TEST_P(AttentionTest, DoesNotDependOnTheThreads) {
  for (const bool causal : {false, true}) {
    Attention call{};
    call.heads = 1, call.dim = call.value_dim = 16, call.scale = 0.25, call.causal = causal;
    for (const auto& [batch, tokens] : {std::pair{1, 900}, {7, 65}, {64, 3}}) {
      EXPECT_EQ(all_results(call, batch, tokens, 1), all_results(call, batch, tokens, 3));
    }
  }
}

}  // namespace
}  // namespace lockstep::cpu::test
