#pragma once

#include <cstdint>
#include <vector>

#include "core/parameter.h"

namespace lockstep {

class TorchStream;  // core/random/torch_stream.h

// Where the random numbers of initialisers come from: keyed by `seed` where `torch` is null, else drawn from
// it in order.
struct RandomSource {
  std::uint64_t seed = 0;
  TorchStream* torch = nullptr;
};

// The random numbers of one parameter. Keyed, element i of a logical part has number i of the stream (seed,
// "init", name of the part), however the part is stored and whatever range of rows is asked for. From a
// TorchStream, a range takes the next numbers, all at once, as PyTorch would fill a tensor of that shape.
class Draws {
 public:
  // `redraw` picks one of many independent sets of keyed numbers.
  Draws(const Parameter& parameter, RandomSource source, std::uint64_t redraw = 0)
      : parameter_(parameter), source_(source), redraw_(redraw) {}

  const Parameter& parameter() const { return parameter_; }
  // Whole rows of the parameter's tensor, filled. Throw what the streams throw (core/random/).
  void uniform(const RowRange& range, double low, double high) const;
  void normal(const RowRange& range, double mean, double std) const;
  // What lies outside [low, high] is drawn again; by_erfinv: as TorchStream::fill_truncated_normal_by_erfinv,
  // where the source is one.
  void truncated_normal(const RowRange& range, double mean, double std, double low, double high,
                        bool by_erfinv) const;
  // 0 ... n - 1 in random order: permutation number `index` of the range.
  std::vector<std::int64_t> permutation(const RowRange& range, std::int64_t n, std::int64_t index) const;

 private:
  template <typename Fill>
  void fill(const RowRange& range, Fill fill) const;

  const Parameter& parameter_;
  RandomSource source_;
  std::uint64_t redraw_;
};

}  // namespace lockstep
