#pragma once

#include <array>
#include <cstdint>

namespace lockstep {

// Philox4x32-10, a bijection of a 128-bit counter under a 64-bit key whose outputs are good random numbers.
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
// constexpr, so that a CUDA kernel may call it too (nvcc --expt-relaxed-constexpr).
using PhiloxBlock = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

constexpr PhiloxBlock philox4x32_round(const PhiloxBlock& c, const PhiloxKey& k) {
  const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0], p1 = std::uint64_t{0xCD9E8D57} * c[2];
  return {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
}

// The keys of the rounds are a Weyl sequence of the golden ratio and sqrt(3) - 1.
constexpr PhiloxKey philox4x32_next_key(const PhiloxKey& k) {
  return {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
}

constexpr PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round, key = philox4x32_next_key(key))
    counter = philox4x32_round(counter, key);
  return counter;
}

}  // namespace lockstep
