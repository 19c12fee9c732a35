// The optimizers' rules on every target: the bits of a plain loop over core/rules.h, and Adam's and
// momentum's formulas. The others' numbers are PyTorch's, see tests/conformance.
#include <cstring>

#include "core/cpu/simd/update.h"
#include "core/kernels.h"
#include "kernels_support.h"

namespace lockstep::cpu::test {
namespace {

using UpdateTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Targets, UpdateTest, testing::ValuesIn(targets()), target_name);

using Exact = std::vector<long double>;
constexpr std::int64_t count = 67;

// Every rule, with constants between 0 and 1.
template <std::size_t index = 0>
void for_every_rule(const auto& body) {
  if constexpr (index < std::variant_size_v<UpdateRule>) {
    using Rule = std::variant_alternative_t<index, UpdateRule>;
    std::array<double, sizeof(Rule) / sizeof(double)> constants;
    for (std::size_t i = 0; i < constants.size(); ++i) constants[i] = 0.9 / static_cast<double>(i + 1);
    body(std::bit_cast<Rule>(constants));
    for_every_rule<index + 1>(body);
  }
}

template <typename T>
struct State {
  std::vector<T> p = random_values<T>(count, 1, 1);
  std::array<std::vector<T>, 3> slots;

  State() {
    for (auto& slot : slots) {
      slot = random_values<T>(count, 1, 5);
      for (T& x : slot) x = x * x;  // a second moment
    }
  }
  UpdateRange<T> range(const std::vector<T>& g, T scale) {
    return {p.data(), g.data(), {slots[0].data(), slots[1].data(), slots[2].data()}, scale, count};
  }
};

template <typename T, typename Rule>
void plain_loop(const Rule& rule, const UpdateRange<T>& r) {
  for (std::int64_t i = 0; i < r.n; ++i) {
    [&]<std::size_t... slot>(std::index_sequence<slot...>) {
      rule(r.p[i], r.scale * r.g[i], r.slots[slot][i]...);
    }
    (std::make_index_sequence<Rule::slots>());
  }
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <typename T>
void expect_bits_of_a_plain_loop() {
  const std::vector<T> g = random_values<T>(count, 1, 2);
  for_every_rule([&](const auto& rule) {
    State<T> fast, plain;
    for (int step = 0; step < 3; ++step) {
      update<T>(rule, fast.range(g, T(0.7)));
      plain_loop<T>(rules::rounded<T>(rule), plain.range(g, T(0.7)));
    }
    const std::size_t index = UpdateRule(rule).index();
    EXPECT_TRUE(same_bits(fast.p, plain.p)) << "rule " << index;
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_TRUE(same_bits(fast.slots[i], plain.slots[i])) << "rule " << index;
  });
}

TEST_P(UpdateTest, BitsOfAPlainLoop) {
  expect_bits_of_a_plain_loop<float>();
  expect_bits_of_a_plain_loop<double>();
}

template <typename T>
void expect_adam(bool decoupled) {
  constexpr long double lr = 0.01, decay = 0.1, b1 = 0.9, b2 = 0.999, eps = 1e-8;
  State<T> state;
  for (auto& slot : state.slots) slot.assign(count, T(0));
  Exact ep(state.p.begin(), state.p.end()), em(count), ev(count);
  for (int t = 1; t <= 5; ++t) {
    const std::vector<T> g = random_values<T>(count, 1, static_cast<unsigned>(10 + t));
    const long double correction1 = 1 - std::pow(b1, t), correction2 = 1 - std::pow(b2, t);
    const rules::Adam<double> rule{.moments = {.seen = {.decay = decoupled ? 0 : 0.1},
                                               .rest1 = 1 - 0.9,
                                               .beta2 = 0.999,
                                               .rest2 = 1 - 0.999},
                                   .keep = decoupled ? 1 - 0.01 * 0.1 : 1,
                                   .size = static_cast<double>(lr / correction1),
                                   .root = static_cast<double>(1 / std::sqrt(correction2)),
                                   .eps = 1e-8};
    update<T>(rule, state.range(g, T(0.5)));
    for (std::size_t i = 0; i < ep.size(); ++i) {
      const long double grad = 0.5L * g[i] + (decoupled ? 0 : decay * ep[i]);
      if (decoupled) ep[i] *= 1 - lr * decay;
      em[i] = b1 * em[i] + (1 - b1) * grad;
      ev[i] = b2 * ev[i] + (1 - b2) * grad * grad;
      ep[i] -= lr * (em[i] / correction1) / (std::sqrt(ev[i] / correction2) + eps);
    }
  }
  EXPECT_LE(relative_error(state.p, ep), 8 * epsilon<T>);
  EXPECT_LE(relative_error(state.slots[0], em), 8 * epsilon<T>);
  EXPECT_LE(relative_error(state.slots[1], ev), 8 * epsilon<T>);
}

TEST_P(UpdateTest, Adam) {
  for (const bool decoupled : {false, true}) {
    expect_adam<float>(decoupled);
    expect_adam<double>(decoupled);
  }
}

template <typename T>
void expect_momentum(bool nesterov) {
  State<T> state;
  state.slots[0].assign(count, T(0));
  Exact ep(state.p.begin(), state.p.end()), eb(count);
  for (int t = 1; t <= 4; ++t) {
    const std::vector<T> g = random_values<T>(count, 1, static_cast<unsigned>(10 + t));
    const bool first = t == 1;
    const rules::Momentum<double> rule{.seen = {.decay = 0.1},
                                       .lr = 0.1,
                                       .momentum = first ? 0 : 0.9,
                                       .fresh = first ? 1 : 0.5,
                                       .ahead = nesterov ? 0.9 : 1,
                                       .now = nesterov ? 1.0 : 0.0};
    update<T>(rule, state.range(g, T(1)));
    for (std::size_t i = 0; i < ep.size(); ++i) {
      const long double grad = g[i] + 0.1L * ep[i];
      eb[i] = first ? grad : 0.9L * eb[i] + 0.5L * grad;
      ep[i] -= 0.1L * (nesterov ? grad + 0.9L * eb[i] : eb[i]);
    }
  }
  EXPECT_LE(relative_error(state.p, ep), 8 * epsilon<T>);
}

TEST_P(UpdateTest, Momentum) {
  for (const bool nesterov : {false, true}) {
    expect_momentum<float>(nesterov);
    expect_momentum<double>(nesterov);
  }
}

Tensor number(double value) { return full({1}, value, {DType::f64}); }

// p = 2 p + scale g, three tensors in one call.
TEST(UpdateKernel, ScalesEveryGradientByItsOwnNumber) {
  const Tensor a = full({3}, 1), b = full({2, 2}, 1, {DType::f64}), c = full({5}, 1);
  const std::vector<UpdateTensors> tensors = {
      {.p = a, .g = full({3}, 10)},
      {.p = b, .g = full({2, 2}, 10, {DType::f64}), .scale = number(0.5)},
      {.p = c, .g = {}, .scale = number(-1)}};
  kernels(a).update(rules::Add<double>{2, 1}, tensors, {});
  EXPECT_EQ(a.to_vector(), std::vector<double>(3, 12));
  EXPECT_EQ(b.to_vector(), std::vector<double>(4, 7));
  EXPECT_EQ(c.to_vector(), std::vector<double>(5, 1));
}

TEST(UpdateKernel, ChangesNothingWhereTheLossIsNotFinite) {
  const Tensor p = full({3}, 1);
  const UpdateTensors tensors{.p = p, .g = full({3}, 1)};
  for (const double loss : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    kernels(p).update(rules::Sgd<double>{.lr = 1}, {&tensors, 1}, number(loss));
    EXPECT_EQ(p.to_vector(), std::vector<double>(3, 1));
  }
  kernels(p).update(rules::Sgd<double>{.lr = 1}, {&tensors, 1}, full({}, 2.5));
  EXPECT_EQ(p.to_vector(), std::vector<double>(3, 0));
}

TEST(UpdateKernel, SumsOfSquares) {
  const std::vector<Tensor> x = {full({3}, 2), full({2, 2}, 1, {DType::f64}), full({0}, 1)};
  const Tensor each = empty({3}, {DType::f64}), joint = empty({1}, {DType::f64});
  kernels(each).sums_of_squares(each, x);
  kernels(each).sums_of_squares(joint, x);
  EXPECT_EQ(each.to_vector(), (std::vector<double>{12, 4, 0}));
  EXPECT_EQ(joint.item(), 16);
}

}  // namespace
}  // namespace lockstep::cpu::test
