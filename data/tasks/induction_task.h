#pragma once

#include <numeric>
#include <utility>

#include "data/tasks/sequence_task.h"

namespace lockstep::data {

// a1 ... ap a1 ... ap a1 ..., cut at 32 tokens, with a period p drawn for every sequence: where to look back
// to does not follow from the position. The p tokens differ, so that it follows from the one before: with
// repeated ones a model needs more than the token before, and is right in 99% after as many steps. Loss after
// the longest period, where every target can be known.
class InductionTask final : public SequenceTask {
 public:
  static constexpr std::int64_t length = 32, shortest = 6, longest = 16, vocabulary = 16;
  static constexpr std::int64_t periods = longest - shortest + 1;
  explicit InductionTask(std::uint64_t seed)
      : SequenceTask(
            seed,
            {.vocabulary = vocabulary, .length = length, .classes = vocabulary, .first_answer = longest},
            longest + 1) {}

 private:
  // Every number up to 16 divides it, so that each choice below is even.
  std::int64_t alphabet_size() const override { return 720'720; }
  void arrange(const std::int64_t* drawn, std::int64_t* inputs, std::int64_t* targets) const override {
    std::int64_t tokens[vocabulary];
    std::iota(tokens, tokens + vocabulary, 0);
    for (std::int64_t i = vocabulary - 1; i > 0; --i) std::swap(tokens[i], tokens[drawn[i] % (i + 1)]);
    const std::int64_t period = shortest + drawn[longest] % periods;
    for (std::int64_t t = 0; t < length; ++t) {
      inputs[t] = tokens[t % period];
      targets[t] = t >= longest ? tokens[(t + 1) % period] : ignored;
    }
  }
};

// The copy task's model: 100% right over all periods (train/explain/lecture.md).
inline const Registry<TaskInfo>::Entry induction_task(
    {.name = "induction",
     .summary = "different tokens repeated with a random period, 6 to 16: learned by an induction circuit",
     .make = make<InductionTask>,
     .recipe = {{"steps", "2500"}},
     .study = {{"threshold", "0.5"}, {"curve_steps", "1000"}}});

}  // namespace lockstep::data
