#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random/erfinv.h"
#include "core/random/torch_stream.h"
#include "data/files/hdf5.h"

namespace lockstep {
namespace {

using Json = nlohmann::json;

template <typename T>
void expect_same_bits(const std::vector<T>& got, const h5::Dataset& expected) {
  const std::vector<T> want = expected.read<T>();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_TRUE(got[i] == want[i]) << i << ": " << got[i] << ", not " << want[i];
}

// One draw of the fixtures' kind `stream` (tests/fixtures/README.md).
void expect_draw(TorchStream& stream, const Json& draw, const h5::Dataset& expected) {
  const std::string kind = draw.at(0);
  const auto real = [&]<typename T>(T, auto fill) {
    std::vector<T> out((draw.back().is_string() ? draw.at(1) : draw.back()).template get<std::size_t>());
    fill(std::span<T>(out));
    expect_same_bits(out, expected);
  };
  const auto by_dtype = [&](auto fill) {
    const std::string dtype = draw.at(2);
    ASSERT_TRUE(dtype == "f32" || dtype == "f64") << dtype;
    dtype == "f32" ? real(0.0f, fill) : real(0.0, fill);
  };
  if (kind == "rand") return by_dtype([&](auto out) { stream.fill_uniform(out); });
  if (kind == "randn") return by_dtype([&](auto out) { stream.fill_normal(out); });
  if (kind == "uniform")
    return real(0.0f, [&](auto out) { stream.fill_uniform(out, draw.at(1), draw.at(2)); });
  if (kind == "normal") return real(0.0f, [&](auto out) { stream.fill_normal(out, draw.at(1), draw.at(2)); });
  if (kind == "randperm") return expect_same_bits(stream.permutation(draw.at(1)), expected);
  if (kind == "randint") {
    return real(std::int64_t{}, [&](auto out) { stream.fill_integers(out, draw.at(1), draw.at(2)); });
  }
  FAIL() << "unknown draw " << draw;
}

TEST(TorchStream, GivesPyTorchsNumbersBitForBit) {
  const h5::File file = h5::File::open("tests/fixtures/streams.h5");
  ASSERT_FALSE(file.children().empty());
  for (const std::string& name : file.children()) {
    const h5::Group fixture = file.group(name);
    const Json config = Json::parse(fixture.attribute<std::string>("config")), draws = config.at("draws");
    TorchStream stream(config.at("seed"));
    for (std::size_t i = 0; i < draws.size(); ++i) {
      SCOPED_TRACE(name + " " + draws[i].dump());
      expect_draw(stream, draws[i], fixture.dataset("outputs/" + std::to_string(i)));
    }
  }
}

TEST(TorchStream, TruncatesNormalNumbersAsPyTorchDoes) {
  const h5::File file = h5::File::open("tests/fixtures/inits.h5");
  int cases = 0;
  for (const std::string& name : file.children()) {
    const h5::Group fixture = file.group(name);
    const Json config = Json::parse(fixture.attribute<std::string>("config")), args = config.at("args");
    if (config.at("init") != "trunc_normal") continue;
    SCOPED_TRACE(name);
    ++cases;
    const h5::Dataset expected = fixture.dataset("outputs/0");
    TorchStream stream(config.at("seed"));
    const auto expect = [&]<typename T>(T) {
      std::vector<T> out(static_cast<std::size_t>(expected.size()));
      stream.fill_truncated_normal(std::span<T>(out), args.value("mean", 0.0), args.value("std", 1.0),
                                   args.value("a", -2.0), args.value("b", 2.0));
      expect_same_bits(out, expected);
    };
    config.at("dtype") == "f32" ? expect(0.0f) : expect(0.0);
  }
  EXPECT_GT(cases, 0);
}

// What the fixtures do not have, from PyTorch 2.15 (float numbers as printed by hex()):
//   torch.manual_seed(3)
//   torch.empty(12).bernoulli_(0.7), torch.randint(-2**40, 2**40, (3,)), torch.empty(4).uniform_(-0.1, 0.1),
//   torch.nn.init.trunc_normal_(torch.empty(5), 0, 1, 2.5, 4),
//   monai.networks.layers.trunc_normal_(torch.empty(5), 0, 0.02), torch.nn.init.trunc_normal_(torch.empty(3,
//   dtype=torch.float64), 0.3, 0.5, -0.1, 0.6), torch.rand(1)
TEST(TorchStream, GivesPyTorchsBernoulliWideIntegersAndTruncatedNumbers) {
  TorchStream stream(3);
  std::vector<float> kept(12), uniform(4), tail(5), monai(5), next(1);
  std::vector<double> truncated(3);
  std::vector<std::int64_t> wide(3);
  stream.fill_bernoulli(kept, 0.7);
  stream.fill_integers(wide, -(1ll << 40), 1ll << 40);
  stream.fill_uniform(uniform, -0.1, 0.1);
  stream.fill_truncated_normal(tail, 0, 1, 2.5, 4);
  stream.fill_truncated_normal_by_erfinv(monai, 0, 0.02, -2, 2);
  stream.fill_truncated_normal(truncated, 0.3, 0.5, -0.1, 0.6);
  stream.fill_uniform(next);
  EXPECT_EQ(kept, (std::vector<float>{1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 1}));
  EXPECT_EQ(wide, (std::vector<std::int64_t>{1066077785626, 349412361690, -453150678206}));
  EXPECT_EQ(uniform, (std::vector<float>{-0x1.87c65ap-5f, 0x1.f3fe60p-5f, -0x1.276f40p-4f, -0x1.6f5e64p-4f}));
  EXPECT_EQ(tail, (std::vector<float>{0x1.4ccbc6p+1f, 0x1.507ceep+1f, 0x1.5e5cfap+1f, 0x1.40d48ep+1f,
                                      0x1.730dd2p+1f}));
  EXPECT_EQ(monai, (std::vector<float>{0x1.1c5880p-6f, 0x1.256f2ap-7f, 0x1.8f9b94p-9f, 0x1.c841fap-6f,
                                       0x1.7ba1c4p-8f}));
  EXPECT_EQ(truncated,
            (std::vector<double>{0x1.2402c7ac48e42p-4, -0x1.89ad9af107500p-6, 0x1.8d5728e7b5420p-2}));
  EXPECT_EQ(next, (std::vector<float>{0x1.84b048p-1f}));
}

TEST(TorchStream, UsesTheLow32BitsOfTheSeedAsPyTorchDoes) {
  TorchStream small(7), large((std::uint64_t{1} << 32) + 7);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(small.random(), large.random());
}

TEST(TorchStream, RejectsWhatPyTorchRejects) {
  TorchStream stream(0);
  std::vector<float> out(4);
  std::vector<std::int64_t> integers(4);
  EXPECT_THROW(stream.fill_uniform(out, 1, 0), Error);
  EXPECT_THROW(stream.fill_uniform(out, -3e38, 3e38), Error);
  EXPECT_THROW(stream.fill_normal(out, 0, -1), Error);
  EXPECT_THROW(stream.fill_bernoulli(out, 1.1), Error);
  EXPECT_THROW(stream.fill_integers(integers, 3, 3), Error);
  EXPECT_THROW(stream.permutation(-1), Error);
  EXPECT_THROW(stream.fill_truncated_normal(out, 0, 0, -1, 1), Error);
  EXPECT_THROW(stream.fill_truncated_normal_by_erfinv(out, 0, 1, 1, 1), Error);
}

// mpmath with 200 bits.
TEST(Erfinv, IsAccurateUpToTheEnds) {
  EXPECT_DOUBLE_EQ(erfinv(1e-300), 8.86226925452758e-301);
  EXPECT_DOUBLE_EQ(erfinv(0.25), 0.2253120550121781);
  EXPECT_DOUBLE_EQ(erfinv(-0.49999), -0.4769251504153166);
  EXPECT_DOUBLE_EQ(erfinv(0.5), 0.4769362762044699);
  EXPECT_DOUBLE_EQ(erfinv(0.95), 1.3859038243496777);
  EXPECT_DOUBLE_EQ(erfinv(-0.9999999999), -4.572824958544925);
  EXPECT_DOUBLE_EQ(erfinv(0.9999999999999999), 5.8635847487551676);
  EXPECT_EQ(erfinv(0.0), 0.0);
  EXPECT_EQ(erfinv(1.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(erfinv(-1.0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(erfinv(1.5)));
}

}  // namespace
}  // namespace lockstep
