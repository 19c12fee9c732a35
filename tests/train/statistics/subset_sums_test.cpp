#include "train/statistics/subset_sums.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/error.h"

namespace lockstep::train {
namespace {

double sum_of(const std::vector<double>& values, std::uint64_t members) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += members >> i & 1 ? values[i] : 0;
  return sum;
}

TEST(SubsetSums, AgreeWithEverySubset) {
  const std::vector<double> values{3, -1, 4,  0, -5,
                                   9, 2,  -6, 5};  // small whole numbers: exact, with many ties
  const SubsetSums sums(values);
  for (double bound = -14; bound <= 24; bound += 0.5) {
    std::uint64_t count = 0;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::uint64_t members = 0; members < 1u << values.size(); ++members) {
      const double sum = sum_of(values, members);
      if (sum > bound) continue;
      ++count;
      if (members != 0 && sum > largest) largest = sum;
    }
    EXPECT_EQ(sums.count_at_most(bound), count) << bound;
    const std::uint64_t found = sums.largest_at_most(bound);
    EXPECT_EQ(found == 0, count == 0) << bound;
    if (found != 0) {
      EXPECT_EQ(sum_of(values, found), largest) << bound;
    }
  }
}

TEST(SubsetSums, TheEmptySubsetIsCountedButNeverTheLargest) {
  const SubsetSums sums(std::vector<double>{-2, -3, 7});
  EXPECT_EQ(sums.count_at_most(0), 4u);           // {}, {-2}, {-3}, {-2, -3}
  EXPECT_EQ(sums.largest_at_most(0), 0b001u);     // -2
  EXPECT_EQ(sums.largest_at_most(-2.5), 0b010u);  // -3
  EXPECT_EQ(sums.largest_at_most(-6), 0u);
  EXPECT_EQ(SubsetSums({}).count_at_most(0), 1u);
  EXPECT_EQ(SubsetSums({}).largest_at_most(0), 0u);
  EXPECT_THROW(SubsetSums(std::vector<double>(65)), Error);
}

}  // namespace
}  // namespace lockstep::train
