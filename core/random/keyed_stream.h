#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lockstep {

// Random numbers that depend on (seed, purpose, name, index) and on nothing else: not on what was drawn
// before, not on the number of threads, not on the processor. So adding a layer shifts nothing, and two
// variants of a model share the draws of whatever they call by the same name.
//
//   KeyedStream stream(seed, "init", "blocks.0.attn.q.weight");
//   stream.fill_normal(weights, 0.0, 0.02);         // numbers 0, 1, 2, ...
//   stream.fill_normal(tail, 0.0, 0.02, 50);        // numbers 50, 51, ...: the same as from a longer fill
//
// Counter-based: number i comes from Philox4x32-10 with the key hash(purpose, name) and the counter (block of
// i, seed), so two seeds of one name never share a block. Everything a stream gives at one index comes from
// the same bits: take a stream of another purpose or name where two sets of numbers must be independent.
//
// Precision: every real number is computed in double, then rounded to the type asked for. So a float draw is
// the rounding of the double draw, and studies in f32 and f64 start from the same numbers. (A float from
// uniform(low, high) can therefore equal `high`, about once in 2^25 draws.)
class KeyedStream {
 public:
  KeyedStream(std::uint64_t seed, std::string_view purpose, std::string_view name);

  // The stream number `id` below this one (a step, an epoch, a replica), independent of it and of its
  // siblings.
  KeyedStream substream(std::uint64_t id) const;

  std::uint64_t bits64(std::uint64_t index) const;
  double uniform(std::uint64_t index) const;  // in (0, 1), both ends excluded, a multiple of 2^-53
  double normal(std::uint64_t index) const;   // mean 0, standard deviation 1; |normal| < 8.6
  std::uint64_t below(std::uint64_t index, std::uint64_t n) const;  // an integer in [0, n); throws for n = 0

  // out[i] = the number at first_index + i: low + (high - low) uniform, mean + std normal.
  void fill_uniform(std::span<float> out, double low, double high, std::uint64_t first_index = 0) const;
  void fill_uniform(std::span<double> out, double low, double high, std::uint64_t first_index = 0) const;
  void fill_normal(std::span<float> out, double mean, double std, std::uint64_t first_index = 0) const;
  void fill_normal(std::span<double> out, double mean, double std, std::uint64_t first_index = 0) const;
  // A normal distribution without what lies outside [low, high]: number i is the first one inside among
  // normal(i) of the stream, of its substream(0), substream(1), ... Throws for a std that is not positive,
  // and where less than 1% of the distribution is inside.
  void fill_truncated_normal(std::span<float> out, double mean, double std, double low, double high,
                             std::uint64_t first_index = 0) const;
  void fill_truncated_normal(std::span<double> out, double mean, double std, double low, double high,
                             std::uint64_t first_index = 0) const;
  void fill_integers(std::span<std::int64_t> out, std::int64_t low, std::int64_t high,
                     std::uint64_t first_index = 0) const;  // in [low, high); throws unless low < high

  // out[i] = `value` with the given probability (a multiple of 2^-32), else 0; the same choice for every
  // type. A dropout mask is fill_bernoulli(mask, 1 - rate, 0, 1 / (1 - rate)). Costs half the bits of the
  // fills above. Throws for a probability outside [0, 1].
  void fill_bernoulli(std::span<float> out, double probability, std::uint64_t first_index = 0,
                      float value = 1) const;
  void fill_bernoulli(std::span<double> out, double probability, std::uint64_t first_index = 0,
                      double value = 1) const;
  void fill_bernoulli(std::span<std::uint8_t> out, double probability, std::uint64_t first_index = 0) const;

  // 0 ... n - 1 in random order (Fisher and Yates). It takes the indices below n. Throws for a negative n.
  std::vector<std::int64_t> permutation(std::int64_t n) const;

  // What a kernel on another device needs to draw the same numbers (formulas: keyed_math.h).
  std::uint64_t seed() const { return seed_; }
  std::uint64_t key() const { return key_; }

 private:
  std::uint64_t seed_, key_;
};

}  // namespace lockstep
