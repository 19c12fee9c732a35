#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lockstep::train {

// The sums of all 2^n subsets of n numbers, in the space and time of 2^(n/2): every subset is one of the
// first half joined with one of the second (meet in the middle; Horowitz and Sahni 1974). Throws for n
// above 64.
class SubsetSums {
 public:
  explicit SubsetSums(std::span<const double> values);

  // How many subsets, the empty one included, sum to `bound` or less.
  std::uint64_t count_at_most(double bound) const;

  // The non-empty subset (bit i: values[i] is in) with the largest sum that is at most `bound`; 0 if there is
  // none.
  std::uint64_t largest_at_most(double bound) const;

 private:
  struct Subset {
    double sum = 0;
    std::uint64_t members = 0;
  };
  static std::vector<Subset> ascending(std::span<const double> values, unsigned first_bit);

  std::vector<Subset> first_, second_;
};

}  // namespace lockstep::train
