#include "core/random/random_tensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "core/error.h"

namespace lockstep {
namespace {

TEST(RandomTensors, AThreadHasItsOwnStreamWhichStartsFromSeedZero) {
  manual_seed(0);
  const std::vector<double> here = randn({3, 5}).to_vector();
  std::vector<double> there;
  std::thread([&] { there = randn({3, 5}).to_vector(); }).join();
  EXPECT_EQ(here, there);
  EXPECT_NE(here, randn({3, 5}).to_vector()) << "the next call gives other numbers";
  manual_seed(0);
  EXPECT_EQ(here, randn({3, 5}).to_vector());
  manual_seed(1);
  EXPECT_NE(here, randn({3, 5}).to_vector());
}

TEST(RandomTensors, HaveTheirDistributions) {
  manual_seed(0);
  const std::int64_t n = 40000;
  double sum = 0, squares = 0;
  for (const double x : randn({n}, {DType::f64}).to_vector()) sum += x, squares += x * x;
  EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 4 * std::sqrt(2.0 / n));
  double total = 0;
  for (const double x : rand({n}).to_vector()) {
    total += x;
    EXPECT_TRUE(x > 0 && x <= 1);
  }
  EXPECT_NEAR(total / n, 0.5, 4 / std::sqrt(12.0 * n));
  std::vector<int> seen(5);
  for (const double x : randint(-2, 3, {200}).to_vector()) ++seen.at(static_cast<std::size_t>(x + 2));
  for (const int count : seen) EXPECT_GT(count, 0);
}

TEST(RandomTensors, PrecisionChangesNothingButTheRounding) {
  manual_seed(3);
  const std::vector<double> narrow = randn({10}).to_vector();
  manual_seed(3);
  const std::vector<double> wide = randn({10}, {DType::f64}).to_vector();
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(narrow[i], static_cast<float>(wide[i]));
}

TEST(RandomTensors, ErrorsSayWhatIsExpected) {
  EXPECT_THROW(randn({2}, {DType::i64}), Error);
  EXPECT_THROW(randint(3, 3, {2}), Error);
}

}  // namespace
}  // namespace lockstep
