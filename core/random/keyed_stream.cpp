#include "core/random/keyed_stream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "core/random/keyed_math.h"
#include "core/random/keyed_tile.h"

namespace lockstep {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo; IETF draft-eastlake-fnv), over the bytes of `text`.
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; constants by Stafford), a bijection that
// mixes well.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// key = mix(fnv1a(purpose, 0, name)): the zero byte keeps ("ab", "c") and ("a", "bc") apart.
std::uint64_t stream_key(std::string_view purpose, std::string_view name) {
  constexpr std::uint64_t offset_basis = 0xCBF29CE484222325u;
  return mix(fnv1a(name, fnv1a(std::string_view("\0", 1), fnv1a(purpose, offset_basis))));
}

// out[i] = transform(number first_index + i), where draw(block, tile) gives a tile of numbers.
template <typename Tile, typename T, typename Draw, typename Transform>
void fill(std::span<T> out, std::uint64_t first_index, Draw draw, Transform transform) {
  constexpr std::uint64_t tile_size = std::tuple_size_v<Tile>, per_block = tile_size / keyed::tile_blocks;
  Tile tile;
  std::uint64_t skip = first_index % per_block, block = first_index / per_block;
  for (std::size_t done = 0; done < out.size(); skip = 0, block += keyed::tile_blocks) {
    draw(block, tile);
    const std::size_t count = std::min<std::size_t>(out.size() - done, tile_size - skip);
    for (std::size_t i = 0; i < count; ++i) out[done + i] = transform(tile[skip + i]);
    done += count;
  }
}

template <typename T>
void fill_uniform_as(const keyed::Counter& counter, std::span<T> out, double low, double high,
                     std::uint64_t first_index) {
  const double width = high - low;
  fill<keyed::DoubleTile>(
      out, first_index, [&](std::uint64_t block, auto& tile) { keyed::uniforms(counter, block, tile); },
      [=](double u) { return static_cast<T>(low + width * u); });
}

template <typename T>
void fill_normal_as(const keyed::Counter& counter, std::span<T> out, double mean, double std,
                    std::uint64_t first_index) {
  fill<keyed::DoubleTile>(
      out, first_index, [&](std::uint64_t block, auto& tile) { keyed::normals(counter, block, tile); },
      [=](double z) { return static_cast<T>(mean + std * z); });
}

template <typename T>
void fill_truncated_normal_as(const KeyedStream& stream, std::span<T> out, double mean, double std,
                              double low, double high, std::uint64_t first_index) {
  const auto below = [=](double x) { return std::erfc((mean - x) / (std * std::numbers::sqrt2)) / 2; };
  check(std > 0 && below(high) - below(low) >= 0.01,
        "[fill_truncated_normal] expected std > 0 and an interval that holds 1% of the normal distribution "
        "or more: got mean {}, "
        "std {}, interval [{}, {}]",
        mean, std, low, high);
  // Doubles decide what is inside, so that every type keeps the same draws.
  std::array<double, 256> draws;
  for (std::size_t done = 0; done < out.size(); done += draws.size()) {
    const std::span<T> part = out.subspan(done, std::min(draws.size(), out.size() - done));
    stream.fill_normal(std::span(draws).first(part.size()), mean, std, first_index + done);
    for (std::size_t i = 0; i < part.size(); ++i) {
      for (std::uint64_t attempt = 0; draws[i] < low || draws[i] > high; ++attempt) {
        draws[i] = mean + std * stream.substream(attempt).normal(first_index + done + i);
      }
      part[i] = static_cast<T>(draws[i]);
    }
  }
}

template <typename T>
void fill_bernoulli_as(const keyed::Counter& counter, std::span<T> out, double probability,
                       std::uint64_t first_index, T value) {
  check(probability >= 0 && probability <= 1, "[fill_bernoulli] expected a probability in [0, 1]: got {}",
        probability);
  const auto threshold = static_cast<std::uint64_t>(std::nearbyint(probability * 0x1p32));
  fill<keyed::WordTile>(
      out, first_index, [&](std::uint64_t block, auto& tile) { keyed::words(counter, block, tile); },
      [=](std::uint32_t word) { return word < threshold ? value : T{0}; });
}

}  // namespace

KeyedStream::KeyedStream(std::uint64_t seed, std::string_view purpose, std::string_view name)
    : seed_(seed), key_(stream_key(purpose, name)) {}

KeyedStream KeyedStream::substream(std::uint64_t id) const {
  KeyedStream stream = *this;
  stream.key_ = mix(key_ ^ mix(id + 0x9E3779B97F4A7C15u));
  return stream;
}

std::uint64_t KeyedStream::bits64(std::uint64_t index) const {
  const PhiloxBlock block = keyed::block(seed_, key_, index / 2);
  return index % 2 == 0 ? keyed::even_bits(block) : keyed::odd_bits(block);
}

double KeyedStream::uniform(std::uint64_t index) const { return keyed::unit_uniform(bits64(index)); }

double KeyedStream::normal(std::uint64_t index) const {
  const PhiloxBlock block = keyed::block(seed_, key_, index / 2);
  const double radius = std::sqrt(keyed::radius_squared(keyed::unit_uniform(keyed::even_bits(block))));
  const keyed::Direction d = keyed::direction(keyed::unit_uniform(keyed::odd_bits(block)));
  return radius * (index % 2 == 0 ? d.cosine : d.sine);
}

std::uint64_t KeyedStream::below(std::uint64_t index, std::uint64_t n) const {
  check(n > 0, "[KeyedStream] expected a positive bound for a random integer: got 0");
  return keyed::below(bits64(index), n);
}

void KeyedStream::fill_uniform(std::span<float> out, double low, double high,
                               std::uint64_t first_index) const {
  fill_uniform_as({seed_, key_}, out, low, high, first_index);
}
void KeyedStream::fill_uniform(std::span<double> out, double low, double high,
                               std::uint64_t first_index) const {
  fill_uniform_as({seed_, key_}, out, low, high, first_index);
}
void KeyedStream::fill_normal(std::span<float> out, double mean, double std,
                              std::uint64_t first_index) const {
  fill_normal_as({seed_, key_}, out, mean, std, first_index);
}
void KeyedStream::fill_normal(std::span<double> out, double mean, double std,
                              std::uint64_t first_index) const {
  fill_normal_as({seed_, key_}, out, mean, std, first_index);
}
void KeyedStream::fill_truncated_normal(std::span<float> out, double mean, double std, double low,
                                        double high, std::uint64_t first_index) const {
  fill_truncated_normal_as(*this, out, mean, std, low, high, first_index);
}
void KeyedStream::fill_truncated_normal(std::span<double> out, double mean, double std, double low,
                                        double high, std::uint64_t first_index) const {
  fill_truncated_normal_as(*this, out, mean, std, low, high, first_index);
}
void KeyedStream::fill_bernoulli(std::span<float> out, double probability, std::uint64_t first_index,
                                 float value) const {
  fill_bernoulli_as({seed_, key_}, out, probability, first_index, value);
}
void KeyedStream::fill_bernoulli(std::span<double> out, double probability, std::uint64_t first_index,
                                 double value) const {
  fill_bernoulli_as({seed_, key_}, out, probability, first_index, value);
}
void KeyedStream::fill_bernoulli(std::span<std::uint8_t> out, double probability,
                                 std::uint64_t first_index) const {
  fill_bernoulli_as<std::uint8_t>({seed_, key_}, out, probability, first_index, 1);
}

void KeyedStream::fill_integers(std::span<std::int64_t> out, std::int64_t low, std::int64_t high,
                                std::uint64_t first_index) const {
  check(low < high, "[fill_integers] expected low < high: got [{}, {})", low, high);
  const std::uint64_t base = static_cast<std::uint64_t>(low), n = static_cast<std::uint64_t>(high) - base;
  fill<keyed::BitsTile>(
      out, first_index,
      [&](std::uint64_t block, auto& tile) {
        keyed::bits({seed_, key_}, block, tile);
      },
      [=](std::uint64_t bits) { return static_cast<std::int64_t>(base + keyed::below(bits, n)); });
}

std::vector<std::int64_t> KeyedStream::permutation(std::int64_t n) const {
  check(n >= 0, "[permutation] expected a size of at least 0: got {}", n);
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i - 1, i)]);
  return order;
}

}  // namespace lockstep
