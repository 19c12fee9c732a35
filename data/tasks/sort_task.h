#pragma once

#include <algorithm>
#include <array>

#include "data/tasks/sequence_task.h"

namespace lockstep::data {

// x1 ... xn s1 ... s(n-1), and from xn on the next sorted token.
class SortTask final : public SequenceTask {
 public:
  static constexpr std::int64_t length = 6, symbols = 3;
  explicit SortTask(std::uint64_t seed)
      : SequenceTask(
            seed,
            {.vocabulary = symbols, .length = 2 * length - 1, .classes = symbols, .first_answer = length - 1},
            length) {}

 private:
  void arrange(const std::int64_t* drawn, std::int64_t* inputs, std::int64_t* targets) const override {
    std::array<std::int64_t, length> sorted;
    std::copy_n(drawn, length, sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    std::copy_n(drawn, length, inputs);
    std::copy_n(sorted.begin(), length - 1, inputs + length);
    std::fill_n(targets, length - 1, ignored);
    std::copy(sorted.begin(), sorted.end(), targets + length - 1);
  }
};

inline const Registry<TaskInfo>::Entry sort_task(
    {.name = "sort",
     .summary = "6 random digits of 3 kinds, then the same sorted (minGPT)",
     .make = make<SortTask>,
     .recipe = {{"steps", "2000"}, {"schedule", "cosine"}, {"warmup", "50"}},
     .study = {{"threshold", "0.2"}, {"curve_steps", "100"}}});

}  // namespace lockstep::data
