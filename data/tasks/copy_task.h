#pragma once

#include <algorithm>

#include "data/tasks/sequence_task.h"

namespace lockstep::data {

// a1 ... an a1 ... an a1, and at every position the next token; loss only where it can be known.
class CopyTask final : public SequenceTask {
 public:
  static constexpr std::int64_t half = 16, vocabulary = 16;
  explicit CopyTask(std::uint64_t seed)
      : SequenceTask(
            seed,
            {.vocabulary = vocabulary, .length = 2 * half, .classes = vocabulary, .first_answer = half - 1},
            half) {}

 private:
  void arrange(const std::int64_t* drawn, std::int64_t* inputs, std::int64_t* targets) const override {
    for (std::int64_t t = 0; t < 2 * half; ++t) {
      inputs[t] = drawn[t % half];
      targets[t] = t >= half - 1 ? drawn[(t + 1) % half] : ignored;
    }
  }
};

inline const Registry<TaskInfo>::Entry copy_task(
    {.name = "copy",
     .summary =
         "16 random tokens, then the same again: learned by position, without an induction circuit, so that "
         "other periods fail",
     .make = make<CopyTask>,
     .recipe = {{"steps", "300"},
                {"batch", "64"},
                {"layers", "2"},
                {"width", "64"},
                {"heads", "4"},
                {"mlp", "256"},
                {"optimizer", "adam"},
                {"lr", "0.001"},
                {"beta2", "0.99"}},
     .study = {{"threshold", "0.5"}, {"curve_steps", "60"}}});

}  // namespace lockstep::data
