#include "data/files/seal.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace lockstep::data {

namespace {

constexpr std::size_t word = sizeof(std::uint64_t);
constexpr char mark[] = "lockstep";

// FNV-1a over words of eight bytes; the last one is filled up with zeros. A shift spreads the upper bits,
// which the product alone never brings down.
class Hash {
 public:
  explicit Hash(std::uint64_t content_bytes) : sum_(0xcbf29ce484222325U ^ content_bytes) {}

  // The content in pieces, each but the last one of whole words.
  void add(std::span<const std::byte> piece) {
    for (std::size_t i = 0; i < piece.size(); i += word) {
      std::uint64_t next = 0;
      std::memcpy(&next, piece.data() + i, std::min(word, piece.size() - i));
      sum_ = (sum_ ^ next) * 0x100000001b3U;
      sum_ ^= sum_ >> 32;
    }
  }

  Seal seal() const {
    Seal seal;
    std::memcpy(seal.data(), mark, word);
    std::memcpy(seal.data() + word, &sum_, word);
    return seal;
  }

 private:
  std::uint64_t sum_;
};

// The last bytes of a file; zeros where it has fewer than a seal.
Seal last_bytes(const FileReader& file) {
  Seal seal{};
  const std::int64_t content = file.size() - static_cast<std::int64_t>(sizeof(Seal));
  if (content >= 0) file.read(content, seal);
  return seal;
}

bool has_mark(const Seal& seal) { return std::memcmp(seal.data(), mark, word) == 0; }

}  // namespace

Seal seal_of(std::span<const std::byte> content) {
  Hash hash(content.size());
  hash.add(content);
  return hash.seal();
}

bool is_sealed(const FileReader& file) { return has_mark(last_bytes(file)); }

bool is_intact(const FileReader& file) {
  constexpr std::int64_t piece = 1 << 20;
  const Seal seal = last_bytes(file);
  if (!has_mark(seal)) return true;
  const std::int64_t content = file.size() - static_cast<std::int64_t>(sizeof(Seal));
  Hash hash(static_cast<std::uint64_t>(content));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(piece, content)));
  for (std::int64_t begin = 0; begin < content; begin += piece) {
    const auto next = std::span(bytes).first(static_cast<std::size_t>(std::min(piece, content - begin)));
    file.read(begin, next);
    hash.add(next);
  }
  return seal == hash.seal();
}

}  // namespace lockstep::data
