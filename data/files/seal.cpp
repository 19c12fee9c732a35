#include "data/files/seal.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace lockstep::data {

namespace {

constexpr std::size_t word = sizeof(std::uint64_t);
constexpr char mark[] = "lockstep";

// FNV-1a over words of eight bytes; the last one is filled up with zeros. A shift spreads the upper bits,
// which the product alone never brings down.
std::uint64_t hash(std::span<const std::byte> content) {
  std::uint64_t sum = 0xcbf29ce484222325U ^ content.size();
  for (std::size_t i = 0; i < content.size(); i += word) {
    std::uint64_t next = 0;
    std::memcpy(&next, content.data() + i, std::min(word, content.size() - i));
    sum = (sum ^ next) * 0x100000001b3U;
    sum ^= sum >> 32;
  }
  return sum;
}

}  // namespace

Seal seal_of(std::span<const std::byte> content) {
  const std::uint64_t sum = hash(content);
  Seal seal;
  std::memcpy(seal.data(), mark, word);
  std::memcpy(seal.data() + word, &sum, word);
  return seal;
}

bool is_intact(std::span<const std::byte> file) {
  if (file.size() < sizeof(Seal)) return true;
  const auto seal = file.last(sizeof(Seal));
  if (std::memcmp(seal.data(), mark, word) != 0) return true;
  return std::ranges::equal(seal, seal_of(file.first(file.size() - sizeof(Seal))));
}

}  // namespace lockstep::data
