#pragma once

#include <algorithm>

#include "data/tasks/sequence_task.h"

namespace lockstep::data {

// Position t answers with token n - 1 - t; every position sees all.
class ReverseTask final : public SequenceTask {
 public:
  static constexpr std::int64_t length = 16, symbols = 10;
  explicit ReverseTask(std::uint64_t seed)
      : SequenceTask(seed, {.causal = false, .vocabulary = symbols, .length = length, .classes = symbols},
                     length) {}

 private:
  void arrange(const std::int64_t* drawn, std::int64_t* inputs, std::int64_t* targets) const override {
    std::copy_n(drawn, length, inputs);
    std::reverse_copy(drawn, drawn + length, targets);
  }
};

// One layer and one head reach 100%.
inline const Registry<TaskInfo>::Entry reverse_task(
    {.name = "reverse",
     .summary = "16 random digits, to be given in reversed order",
     .make = make<ReverseTask>,
     .recipe = {{"steps", "3000"},
                {"layers", "1"},
                {"heads", "1"},
                {"width", "32"},
                {"mlp", "128"},
                {"schedule", "cosine"},
                {"warmup", "50"}},
     .study = {{"threshold", "0.5"}, {"curve_steps", "300"}}});

}  // namespace lockstep::data
