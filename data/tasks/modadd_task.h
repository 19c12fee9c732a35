#pragma once

#include <algorithm>

#include "core/random/keyed_stream.h"
#include "data/tasks/task.h"

// Modular addition, a b = with the answer (a + b) mod 113 (Power et al. 2022, arXiv:2201.02177; Nanda et al.
// 2023, arXiv:2301.05217).
namespace lockstep::data {

class ModaddTask final : public Task {
 public:
  static constexpr std::int64_t p = 113, equals = p;  // the token "="
  static constexpr double training_share = 0.3;
  explicit ModaddTask(std::uint64_t seed)
      : order_(KeyedStream(seed, "data", "split").permutation(p * p)),
        training_size_(static_cast<std::int64_t>(training_share * p * p)) {}

  // The answer is read at the last token, "=".
  TaskShape shape() const override {
    return {.vocabulary = p + 1, .length = 3, .classes = p, .first_answer = 2};
  }

  // A batch as large as the training set is the whole set; smaller ones walk through it in order.
  Batch training(std::int64_t step, std::int64_t size) override {
    return pairs(0, training_size_, (step * size) % training_size_, std::min(size, training_size_));
  }
  Batch validation(std::int64_t index, std::int64_t size) override {
    const std::int64_t held_out = p * p - training_size_;
    return pairs(training_size_, held_out, index * size, std::min(size, held_out - index * size));
  }
  std::int64_t validation_batches(std::int64_t size) const override {
    return (p * p - training_size_ + size - 1) / size;
  }

 private:
  // `count` pairs from [first, first + size), from `start` on, around the end.
  Batch pairs(std::int64_t first, std::int64_t size, std::int64_t start, std::int64_t count) const {
    Batch batch{empty({count, 3}, {DType::i64}), empty({count, 3}, {DType::i64})};
    auto* inputs = batch.inputs.data<std::int64_t>();
    auto* targets = batch.targets.data<std::int64_t>();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t pair = order_[static_cast<std::size_t>(first + (start + i) % size)];
      const std::int64_t a = pair / p, b = pair % p;
      for (const std::int64_t token : {a, b, equals}) *inputs++ = token;
      for (const std::int64_t target : {ignored, ignored, (a + b) % p}) *targets++ = target;
    }
    return batch;
  }

  std::vector<std::int64_t> order_;
  std::int64_t training_size_;
};

// Nanda et al. 2023: full batch, strong decay, ReLU, no layer norm.
inline const Registry<TaskInfo>::Entry modadd_task(
    {.name = "modadd",
     .summary = "a + b modulo 113 from 30% of all pairs: memorised first, understood much later (grokking)",
     .make = make<ModaddTask>,
     .recipe = {{"steps", "15000"},
                {"batch", "3830"},
                {"blocks", "plain_relu"},
                {"layers", "1"},
                {"width", "128"},
                {"mlp", "512"},
                {"optimizer", "adamw"},
                {"weight_decay", "1"},
                {"beta2", "0.98"}},
     .study = {{"threshold", "0.1"}, {"curve_steps", "200"}}});

}  // namespace lockstep::data
