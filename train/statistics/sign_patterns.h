#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace lockstep::train {

// Up to so many pairs all 2^n sign patterns count; beyond, the observed and so many random ones of a fixed
// seed.
inline constexpr std::size_t max_exact_joint_pairs = 16;
inline constexpr std::size_t sampled_joint_flips = 65'535;

// Calls `use()` once for every sign pattern, the observed one, all +1, first. Before, `change(i, difference)`
// for each pair i whose sign becomes another one: difference = new sign - old sign. Gives the number of
// patterns.
template <typename Change, typename Use>
std::uint64_t for_each_sign_pattern(std::size_t pairs, Change change, Use use) {
  std::vector<double> signs(pairs, 1.0);
  const auto set = [&](std::size_t i, double sign) {
    if (sign != signs[i]) change(i, sign - signs[i]);
    signs[i] = sign;
  };
  use();
  if (pairs <= max_exact_joint_pairs) {
    // In the order of Gray's code, one sign changes at a time.
    const std::uint64_t patterns = std::uint64_t{1} << pairs;
    for (std::uint64_t n = 1; n < patterns; ++n) {
      const auto i = static_cast<std::size_t>(std::countr_zero(n));
      set(i, -signs[i]);
      use();
    }
    return patterns;
  }
  std::mt19937_64 random(20161027);  // fixed; the standard prescribes its numbers
  for (std::size_t n = 0; n < sampled_joint_flips; ++n) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < pairs; ++i, bits >>= 1) {
      if (i % 64 == 0) bits = random();
      set(i, (bits & 1) != 0 ? 1.0 : -1.0);
    }
    use();
  }
  return sampled_joint_flips + 1;
}

}  // namespace lockstep::train
