#include "data/files/half.h"

#include <gtest/gtest.h>

namespace lockstep::data {
namespace {

// Every number of the type comes back, and half-way between two neighbours the even one is taken.
template <typename FromBits, typename ToBits>
void check_rounding(std::uint16_t infinity, FromBits from_bits, ToBits to_bits) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto magnitude = static_cast<std::uint16_t>(bits & 0x7fff);
    if (magnitude > infinity) continue;  // NaN
    const double value = from_bits(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(to_bits(value), bits);
    if (magnitude + 1 >= infinity) continue;
    const double middle = (value + static_cast<double>(from_bits(static_cast<std::uint16_t>(bits + 1)))) / 2;
    ASSERT_EQ(to_bits(middle), bits + (bits & 1)) << middle;
    ASSERT_EQ(to_bits(std::nextafter(middle, 0)), bits);
    ASSERT_EQ(to_bits(std::nextafter(middle, 2 * middle)), bits + 1);
  }
  EXPECT_TRUE(std::isnan(from_bits(to_bits(std::nan("")))));
  EXPECT_EQ(to_bits(1e300), infinity);
  EXPECT_EQ(to_bits(-1e300), infinity | 0x8000);
}

TEST(Half, RoundsToTheNearest) {
  check_rounding(0x7c00, half_to_float, to_half);
  EXPECT_EQ(to_half(65519.99), 0x7bff);
  EXPECT_EQ(to_half(65520), 0x7c00);
}

TEST(Half, Bfloat16RoundsToTheNearest) { check_rounding(0x7f80, bfloat16_to_float, to_bfloat16); }

}  // namespace
}  // namespace lockstep::data
