#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

// What the tests of the vector kernels share: inputs, distances in units of the last place, and a fixture
// that runs a test under every target that this build and this processor have.
namespace lockstep::cpu::test {

template <typename T>
std::vector<T> random_values(std::int64_t n, double scale = 1, unsigned seed = 1) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<T> values(static_cast<std::size_t>(n));
  for (T& x : values) x = static_cast<T>(normal(generator));
  return values;
}

// |x - truth| in units of the last place that T has at the size of truth, or of `size` if that is larger.
template <typename T>
double ulps(T x, long double truth, long double size = 0) {
  if (std::isnan(truth)) return std::isnan(x) ? 0 : std::numeric_limits<double>::infinity();
  if (static_cast<long double>(x) == truth) return 0;
  const long double at =
      std::max({std::abs(truth), std::abs(size), static_cast<long double>(std::numeric_limits<T>::min())});
  const long double unit = std::ldexp(1.0L, std::ilogb(at) - std::numeric_limits<T>::digits + 1);
  return static_cast<double>(std::abs(static_cast<long double>(x) - truth) / unit);
}

// max |x - truth| / max |truth|
template <typename T>
double relative_error(const std::vector<T>& x, const std::vector<long double>& truth) {
  long double most = 0, size = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double difference = std::abs(static_cast<long double>(x[i]) - truth[i]);
    most = difference > most || std::isnan(difference) ? difference : most;
    size = std::max(size, std::abs(truth[i]));
  }
  return static_cast<double>(size > 0 ? most / size : most);
}

template <typename T>
inline constexpr double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

inline std::string target_name(const testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}

class KernelTest : public testing::TestWithParam<std::int64_t> {
 protected:
  KernelTest() {
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~KernelTest() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

// The targets that the library was compiled for and this processor runs.
inline std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> found;
  for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_STATIC_TARGET}) {
    const std::int64_t there = hwy::SupportedTargets() & ~(HWY_DISABLED_TARGETS);
    if (target == HWY_STATIC_TARGET || (there & target) != 0) found.push_back(target);
  }
  return found;
}

}  // namespace lockstep::cpu::test
