#include "train/statistics/band.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.h"

namespace lockstep::train {
namespace {

TEST(Band, CurvesThatAreOneHaveNoWidth) {
  std::vector<double> curves;
  for (int pair = 0; pair < 6; ++pair) curves.insert(curves.end(), {1, 2, 3});
  const Band band = simultaneous_band(curves, 3);
  EXPECT_EQ(band.mean, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(band.low, band.mean);
  EXPECT_EQ(band.high, band.mean);
}

TEST(Band, FewPairsBoundNothing) {
  EXPECT_TRUE(std::isinf(simultaneous_band(std::vector<double>{1, 2, 3, 4, 6}, 1).high[0]));
  EXPECT_THROW(simultaneous_band(std::vector<double>{1, 2, 3}, 2), Error);
  EXPECT_THROW(simultaneous_band(std::vector<double>{1, NAN}, 1), Error);
}

// Random walks, whose points depend on each other, about a mean curve.
TEST(Band, HoldsTheWholeCurveAsOftenAsItSays) {
  constexpr int studies = 600;
  constexpr std::size_t points = 20;
  for (const std::size_t pairs : {6, 8, 12}) {
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal;
    int held = 0;
    for (int study = 0; study < studies; ++study) {
      std::vector<double> curves;
      for (std::size_t i = 0; i < pairs; ++i) {
        double walk = normal(random);
        for (std::size_t s = 0; s < points; ++s)
          curves.push_back(std::sin(double(s)) + (walk += normal(random)));
      }
      const Band band = simultaneous_band(curves, points);
      bool inside = true;
      for (std::size_t s = 0; s < points; ++s)
        inside &= band.low[s] <= std::sin(double(s)) && std::sin(double(s)) <= band.high[s];
      held += inside;
    }
    EXPECT_NEAR(double(held) / studies, 0.95, 0.03) << pairs << " pairs";
  }
}

}  // namespace
}  // namespace lockstep::train
