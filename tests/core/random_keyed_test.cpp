#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random/keyed_math.h"
#include "core/random/keyed_stream.h"
#include "core/random/philox.h"

namespace lockstep {
namespace {

// Random123's own vectors (kat_vectors, "philox4x32 10").
TEST(Philox, GivesThePublishedVectors) {
  static_assert(philox4x32({0, 0, 0, 0}, {0, 0}) ==
                PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  static_assert(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
                PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  static_assert(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
                PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

// Computed by an independent program (Python integers; mpmath with 200 bits for the normal numbers) from the
// definition in keyed_stream.h. They guard what saved studies rely on: these numbers never change.
TEST(KeyedStream, KeepsItsNumbersForEver) {
  const KeyedStream init(0, "init", "attn.q.weight"), dropout((1ull << 40) + 7, "dropout", "");
  EXPECT_EQ(init.bits64(0), 0x138b256e0342a20fu);
  EXPECT_EQ(init.bits64(1), 0xb50cf8de04ea8dd5u);
  EXPECT_EQ(dropout.bits64(1'000'000'000'000), 0xd443063c2693d24au);
  EXPECT_EQ(init.uniform(0), 0x1.38b256e0342a8p-4);
  EXPECT_EQ(init.uniform(1), 0x1.6a19f1bc09d51p-1);
  EXPECT_DOUBLE_EQ(init.normal(0), -0.6022582137356356);
  EXPECT_DOUBLE_EQ(init.normal(1), -2.18685855758637);
  EXPECT_DOUBLE_EQ(dropout.normal(1'000'000'000'000), -0.4319853296630991);
}

TEST(KeyedStream, LogAndDirectionAreAccurateToTheLastPlaces) {
  const KeyedStream stream(1, "test", "arguments");
  double log_error = 0, direction_error = 0;
  const auto look_at = [&](double u) {
    const double log = std::log(u), turn = 2 * std::numbers::pi * u;
    const keyed::Direction d = keyed::direction(u);
    log_error = std::max(log_error, std::abs(keyed::log(u) - log) / std::abs(log));
    direction_error =
        std::max({direction_error, std::abs(d.cosine - std::cos(turn)), std::abs(d.sine - std::sin(turn))});
  };
  for (std::uint64_t i = 0; i < 100'000; ++i) look_at(stream.uniform(i));
  for (const double u : {0x1p-53, 1 - 0x1p-53, 0.25, 0.5, 0.75, std::numbers::sqrt2 / 2}) look_at(u);
  EXPECT_LT(log_error, 4e-16);
  EXPECT_LT(direction_error, 1e-15);  // most of it is the rounding of 2 pi u, at which the library is asked
}

// The fills use the widest vectors of this processor and the single numbers none, so this compares
// processors, too.
TEST(KeyedStream, AFillOfAnyChunkEqualsTheSingleNumbers) {
  const KeyedStream stream(3, "init", "weight");
  const std::uint64_t far = (1ull << 33) - 50;  // the block number passes 32 bits on the way
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127}, far}) {
    for (const std::size_t count : {1u, 2u, 127u, 128u, 129u, 700u}) {
      std::vector<double> uniform(count), normal(count);
      std::vector<float> uniform_f32(count), normal_f32(count);
      std::vector<std::int64_t> integer(count);
      stream.fill_uniform(uniform, -0.5, 2.0, first);
      stream.fill_uniform(uniform_f32, -0.5, 2.0, first);
      stream.fill_normal(normal, 1.0, 0.25, first);
      stream.fill_normal(normal_f32, 1.0, 0.25, first);
      stream.fill_integers(integer, -7, 1000, first);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(uniform[i], -0.5 + 2.5 * stream.uniform(first + i));
        ASSERT_EQ(normal[i], 1.0 + 0.25 * stream.normal(first + i));
        ASSERT_EQ(uniform_f32[i], static_cast<float>(uniform[i]));
        ASSERT_EQ(normal_f32[i], static_cast<float>(normal[i]));
        ASSERT_EQ(integer[i], -7 + static_cast<std::int64_t>(stream.below(first + i, 1007)));
      }
    }
  }
}

TEST(KeyedStream, BernoulliIsTheSameForEveryTypeAndChunk) {
  const KeyedStream stream(4, "dropout", "attn");
  std::vector<double> whole(1000), f64(1000);
  std::vector<float> f32(1000);
  std::vector<std::uint8_t> mask(1000);
  stream.fill_bernoulli(whole, 0.7, 5, 2.0);
  const std::size_t cut = 333;
  stream.fill_bernoulli(std::span(f64).first(cut), 0.7, 5);
  stream.fill_bernoulli(std::span(f64).subspan(cut), 0.7, 5 + cut);
  stream.fill_bernoulli(f32, 0.7, 5, 0.5f);
  stream.fill_bernoulli(mask, 0.7, 5);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    ASSERT_EQ(whole[i], 2 * f64[i]);
    ASSERT_EQ(whole[i], 4 * f32[i]);
    ASSERT_EQ(whole[i], 2 * mask[i]);
  }
  stream.fill_bernoulli(mask, 1.0);
  EXPECT_EQ(std::accumulate(mask.begin(), mask.end(), 0), 1000);
  stream.fill_bernoulli(mask, 0.0);
  EXPECT_EQ(std::accumulate(mask.begin(), mask.end(), 0), 0);
  EXPECT_THROW(stream.fill_bernoulli(mask, 1.5), Error);
}

// Each mean of n values, in units of its standard error, is within 5: one chance in a million for good
// numbers.
TEST(KeyedStream, HasTheMomentsOfItsDistributions) {
  constexpr std::size_t n = 1 << 18;
  const KeyedStream stream(5, "test", "moments");
  std::vector<double> u(n), z(n), kept(n);
  stream.fill_uniform(u, 0, 1);
  stream.fill_normal(z, 0, 1);
  stream.fill_bernoulli(kept, 0.3);
  const auto standard_errors = [](const std::vector<double>& x, auto f, double mean, double variance) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += f(x, i) - mean;
    return std::abs(sum) / std::sqrt(variance * n);
  };
  const auto power = [](int p) {
    return [p](const std::vector<double>& x, std::size_t i) { return std::pow(x[i], p); };
  };
  const auto lag = [](std::size_t k) {
    return [k](const std::vector<double>& x, std::size_t i) { return x[i] * x[(i + k) % n]; };
  };
  EXPECT_LT(standard_errors(u, power(1), 1.0 / 2, 1.0 / 12), 5);
  EXPECT_LT(standard_errors(u, power(2), 1.0 / 3, 4.0 / 45), 5);
  EXPECT_LT(standard_errors(kept, power(1), 0.3, 0.21), 5);
  EXPECT_LT(standard_errors(z, power(1), 0, 1), 5);
  EXPECT_LT(standard_errors(z, power(2), 1, 2), 5);
  EXPECT_LT(standard_errors(z, power(3), 0, 15), 5);
  EXPECT_LT(standard_errors(z, power(4), 3, 96), 5);
  for (const std::size_t k : {1, 2, 128}) EXPECT_LT(standard_errors(z, lag(k), 0, 1), 5) << "lag " << k;
}

TEST(KeyedStream, TruncatesTheNormalDistribution) {
  constexpr std::size_t n = 1 << 16;
  const KeyedStream stream(9, "init", "positions");
  std::vector<double> z(n), inside(n), chunk(300);
  std::vector<float> inside_f32(n);
  stream.fill_normal(z, 0.5, 2.0);
  stream.fill_truncated_normal(inside, 0.5, 2.0, -1.5, 4.5);  // -1 and 2 standard deviations
  stream.fill_truncated_normal(inside_f32, 0.5, 2.0, -1.5, 4.5);
  stream.fill_truncated_normal(chunk, 0.5, 2.0, -1.5, 4.5, 1000);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    ASSERT_GE(inside[i], -1.5);
    ASSERT_LE(inside[i], 4.5);
    ASSERT_TRUE(inside[i] == z[i] || z[i] < -1.5 || z[i] > 4.5);
    ASSERT_EQ(inside_f32[i], static_cast<float>(inside[i]));
    sum += inside[i];
  }
  EXPECT_TRUE(std::equal(chunk.begin(), chunk.end(), inside.begin() + 1000));
  // scipy.stats.truncnorm(-1, 2, loc=0.5, scale=2): mean 0.959274, standard deviation 1.4419.
  EXPECT_NEAR(sum / n, 0.959274, 5 * 1.4419 / std::sqrt(n));
  EXPECT_THROW(stream.fill_truncated_normal(inside, 0.0, 1.0, 4.0, 5.0), Error);
}

TEST(KeyedStream, DiffersInEveryPartOfItsKey) {
  constexpr std::size_t n = 1 << 14;
  const KeyedStream base(0, "init", "a.b");
  std::vector<double> z(n), other(n);
  base.fill_normal(z, 0, 1);
  for (const KeyedStream& stream : {KeyedStream(1, "init", "a.b"), KeyedStream(1ull << 32, "init", "a.b"),
                                    KeyedStream(0, "dropout", "a.b"), KeyedStream(0, "init", "a.c"),
                                    KeyedStream(0, "inita", ".b"), KeyedStream(0, "", "inita.b"),
                                    base.substream(0), base.substream(1), base.substream(0).substream(0)}) {
    stream.fill_normal(other, 0, 1);
    const double covariance = std::inner_product(z.begin(), z.end(), other.begin(), 0.0);
    EXPECT_LT(std::abs(covariance) / std::sqrt(n), 5);
    EXPECT_NE(z[0], other[0]);
  }
  EXPECT_NE(base.substream(0).bits64(0), base.substream(1).bits64(0));
}

TEST(KeyedStream, IntegersCoverTheirRangeEvenly) {
  const KeyedStream stream(6, "test", "integers");
  std::vector<std::int64_t> draws(70'000);
  stream.fill_integers(draws, -3, 4);
  std::vector<double> counts(7);
  for (const std::int64_t draw : draws) ++counts.at(static_cast<std::size_t>(draw + 3));
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - 10'000) * (count - 10'000) / 10'000;
  EXPECT_LT(chi_squared, 35);  // 6 degrees of freedom: one chance in 2e5
  EXPECT_EQ(keyed::below(~0ull, 1000), 999u);
  EXPECT_EQ(keyed::below(~0ull, ~0ull), ~0ull - 1);
  EXPECT_EQ(keyed::below(0x8000000000000000u, 0xDEADBEEFCAFEF00Du), 0xDEADBEEFCAFEF00Du / 2);
  EXPECT_THROW(stream.below(0, 0), Error);
  EXPECT_THROW(stream.fill_integers(draws, 4, 4), Error);
}

TEST(KeyedStream, PermutationsAreEvenlySpread) {
  // All 24 orders of 4, drawn 24,000 times.
  std::vector<int> counts(256);
  const KeyedStream stream(7, "data", "epoch");
  for (std::uint64_t epoch = 0; epoch < 24'000; ++epoch) {
    const auto order = stream.substream(epoch).permutation(4);
    ++counts[static_cast<std::size_t>(order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3])];
  }
  double chi_squared = 0;
  int seen = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    ++seen;
    chi_squared += (count - 1000.0) * (count - 1000.0) / 1000;
  }
  EXPECT_EQ(seen, 24);
  EXPECT_LT(chi_squared, 64);  // 23 degrees of freedom: one chance in 1e5

  auto order = stream.permutation(1000);
  EXPECT_EQ(order, stream.permutation(1000));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::int64_t i = 0; i < 1000; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(stream.permutation(0).empty());
}

}  // namespace
}  // namespace lockstep
