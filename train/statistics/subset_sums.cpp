#include "train/statistics/subset_sums.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>

#include "core/error.h"

namespace lockstep::train {

SubsetSums::SubsetSums(std::span<const double> values) {
  check(values.size() <= 64, "[SubsetSums] expected at most 64 values: got {}", values.size());
  const std::size_t half = values.size() / 2;
  first_ = ascending(values.first(half), 0);
  second_ = ascending(values.subspan(half), static_cast<unsigned>(half));
}

// Adding one value to a sorted list of sums gives a second sorted list; merging the two costs no sort.
std::vector<SubsetSums::Subset> SubsetSums::ascending(std::span<const double> values, unsigned first_bit) {
  std::vector<Subset> without, with, merged;
  without.reserve(std::size_t{1} << values.size());
  merged.reserve(without.capacity());
  with.reserve(without.capacity() / 2);
  without.emplace_back();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t member = std::uint64_t{1} << (first_bit + i);
    with = without;
    for (Subset& subset : with) subset = {subset.sum + values[i], subset.members | member};
    merged.clear();
    std::ranges::merge(without, with, std::back_inserter(merged), {}, &Subset::sum, &Subset::sum);
    without.swap(merged);
  }
  return without;
}

std::uint64_t SubsetSums::count_at_most(double bound) const {
  std::uint64_t count = 0;
  std::size_t fitting = second_.size();  // of the second half, beside the current one of the first
  for (const Subset& one : first_) {
    while (fitting > 0 && one.sum + second_[fitting - 1].sum > bound) --fitting;
    count += fitting;
  }
  return count;
}

std::uint64_t SubsetSums::largest_at_most(double bound) const {
  std::uint64_t members = 0;
  double largest = -std::numeric_limits<double>::infinity();
  std::size_t fitting = second_.size();
  for (const Subset& one : first_) {
    while (fitting > 0 && one.sum + second_[fitting - 1].sum > bound) --fitting;
    std::size_t best = fitting;
    if (best > 0 && (one.members | second_[best - 1].members) == 0) --best;  // not the empty subset
    if (best > 0 && one.sum + second_[best - 1].sum > largest) {
      largest = one.sum + second_[best - 1].sum;
      members = one.members | second_[best - 1].members;
    }
  }
  return members;
}

}  // namespace lockstep::train
