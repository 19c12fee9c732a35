#include <functional>
#include <numbers>

#include "core/cpu/simd/gelu.h"
#include "core/cpu/simd/maps.h"
#include "kernels_support.h"

namespace lockstep::cpu::test {
namespace {

using MapTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Targets, MapTest, testing::ValuesIn(targets()), target_name);

struct Function {
  const char* name;
  Map map;
  std::function<long double(long double)> truth;
  double low, high, most_ulps;
};

const std::vector<Function>& functions() {
  static const std::vector<Function> all = {
      {"exp", Map::exp, [](long double x) { return std::exp(x); }, -105, 90, 2},
      {"log", Map::log, [](long double x) { return std::log(x); }, 1e-3, 50, 4},
      {"tanh", Map::tanh, [](long double x) { return std::tanh(x); }, -12, 12, 3},
      {"sigmoid", Map::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, -30, 30, 3},
      {"erf", Map::erf, [](long double x) { return std::erf(x); }, -6, 6, 3},
      {"silu", Map::silu, [](long double x) { return x / (1 + std::exp(-x)); }, -30, 30, 4},
  };
  return all;
}

template <typename T>
void expect_close_everywhere(const Function& f) {
  std::vector<T> x;
  for (int i = 0; i <= 20001; ++i) x.push_back(static_cast<T>(f.low + (f.high - f.low) * i / 20001));
  if (f.low < 0) {
    for (double small = 1e-30; small < 1; small *= 1.7)
      x.push_back(static_cast<T>(small)), x.push_back(static_cast<T>(-small));
  }
  std::vector<T> y(x.size());
  map(f.map, y.data(), x.data(), static_cast<std::int64_t>(x.size()));
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    long double truth = f.truth(static_cast<long double>(x[i]));
    if (truth > static_cast<long double>(std::numeric_limits<T>::max()))
      truth = std::numeric_limits<T>::infinity();
    const double error = ulps(y[i], truth);
    if (error > worst) worst = error, at = x[i];
  }
  EXPECT_LE(worst, f.most_ulps) << f.name << " of " << at;
}

TEST_P(MapTest, IsCloseToTheExactFunction) {
  for (const Function& f : functions()) {
    expect_close_everywhere<float>(f);
    expect_close_everywhere<double>(f);
  }
}

template <typename T>
void expect_special_values() {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const std::vector<T> x = {nan, inf, -inf, 0};
  const auto run = [&](Map f) {
    std::vector<T> y(x.size());
    map(f, y.data(), x.data(), static_cast<std::int64_t>(x.size()));
    return y;
  };
  for (const Function& f : functions()) EXPECT_TRUE(std::isnan(run(f.map)[0])) << f.name;
  EXPECT_EQ(run(Map::exp)[1], inf);
  EXPECT_EQ(run(Map::exp)[2], 0);
  EXPECT_EQ(run(Map::exp)[3], 1);
  EXPECT_EQ(run(Map::log)[1], inf);
  EXPECT_TRUE(std::isnan(run(Map::log)[2]));
  EXPECT_EQ(run(Map::log)[3], -inf);
  for (const Map f : {Map::tanh, Map::erf}) {
    EXPECT_EQ(run(f)[1], 1);
    EXPECT_EQ(run(f)[2], -1);
    EXPECT_EQ(run(f)[3], 0);
  }
  EXPECT_EQ(run(Map::sigmoid)[1], 1);
  EXPECT_EQ(run(Map::sigmoid)[2], 0);
}

TEST_P(MapTest, HandlesInfinityAndNaN) {
  expect_special_values<float>();
  expect_special_values<double>();
}

// A position in the row, the row's length and working in place make no difference to the bits.
TEST_P(MapTest, TreatsTheEndsOfRowsLikeTheRest) {
  const std::vector<float> x = random_values<float>(70);
  for (const Function& f : functions()) {
    if (f.map == Map::log) continue;
    std::vector<float> whole(70);
    map(f.map, whole.data(), x.data(), 70);
    for (const std::int64_t n : {1, 3, 8, 15, 16, 17, 31, 63, 65}) {
      std::vector<float> y = x;
      map(f.map, y.data(), y.data(), n);
      for (std::int64_t i = 0; i < 70; ++i) {
        const auto at = static_cast<std::size_t>(i);
        ASSERT_EQ(y[at], i < n ? whole[at] : x[at]) << f.name << " n " << n << " i " << i;
      }
    }
  }
}

template <typename T>
void expect_gelu(Gelu form) {
  const auto probability = [](long double x) {
    return std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2;
  };
  const long double c = std::sqrt(2 / std::numbers::pi_v<long double>);
  const auto truth = [&](long double x) {
    return form == Gelu::exact ? x * probability(x)
                               : x / (1 + std::exp(-2 * c * (x + 0.044715L * x * x * x)));
  };
  const auto slope = [&](long double x) {
    if (form == Gelu::exact)
      return probability(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<long double>);
    const long double s = 1 / (1 + std::exp(-2 * c * (x + 0.044715L * x * x * x)));
    return s + x * s * (1 - s) * 2 * c * (1 + 3 * 0.044715L * x * x);
  };
  constexpr std::int64_t n = 33 * 65;
  std::vector<T> x;
  for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<T>(-8 + 16.0 * static_cast<double>(i) / n));
  std::vector<T> y(x.size()), dx(x.size());
  gelu_forward(form, y.data(), x.data(), n);
  gelu_slope(form, dx.data(), x.data(), n);
  double worst = 0, worst_slope = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double xi = static_cast<long double>(x[i]);
    worst = std::max(worst, ulps(y[i], truth(xi), form == Gelu::exact ? 0.0L : std::abs(xi) / 16));
    worst_slope = std::max(worst_slope, ulps(dx[i], slope(xi), 1.0L));
  }
  // Without fused multiply-add, the rounding of x^2 / 2 shows where exp(-x^2 / 2) is small.
  EXPECT_LE(worst, hwy::SupportedTargets() == HWY_STATIC_TARGET ? 20 : 6);
  EXPECT_LE(worst_slope, 4);

  std::vector<T> value(x.size()), apart(x.size()), in_place = x;
  gelu_and_slope(form, value.data(), in_place.data(), in_place.data(), n);
  gelu_forward(form, apart.data(), x.data(), n);
  EXPECT_EQ(value, apart);
  gelu_slope(form, apart.data(), x.data(), n);
  EXPECT_EQ(in_place, apart);
}

TEST_P(MapTest, GeluAndItsSlope) {
  for (const Gelu form : {Gelu::exact, Gelu::tanh}) {
    expect_gelu<float>(form);
    expect_gelu<double>(form);
  }
}

}  // namespace
}  // namespace lockstep::cpu::test
