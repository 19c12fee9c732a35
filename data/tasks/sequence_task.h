#pragma once

#include "core/random/keyed_stream.h"
#include "data/tasks/task.h"

namespace lockstep::data {

// Generated sequences. Every one is drawn under its own step and row, so no two batches, and no training and
// validation batch, share draws.
class SequenceTask : public Task {
 public:
  // `drawn` random tokens make a sequence.
  SequenceTask(std::uint64_t seed, TaskShape shape, std::int64_t drawn)
      : training_(seed, "data", "training"),
        validation_(seed, "data", "validation"),
        shape_(shape),
        drawn_(drawn) {}

  TaskShape shape() const override { return shape_; }
  Batch training(std::int64_t step, std::int64_t size) override {
    return make(training_.substream(static_cast<std::uint64_t>(step)), size);
  }
  Batch validation(std::int64_t index, std::int64_t size) override {
    return make(validation_.substream(static_cast<std::uint64_t>(index)), size);
  }
  std::int64_t validation_batches(std::int64_t size) const override {
    constexpr std::int64_t validation_size = 512;
    return (validation_size + size - 1) / size;
  }

 protected:
  virtual std::int64_t alphabet_size() const { return shape_.vocabulary; }
  // Fills one row of T inputs and T targets from the drawn tokens.
  virtual void arrange(const std::int64_t* drawn, std::int64_t* inputs, std::int64_t* targets) const = 0;

 private:
  Batch make(const KeyedStream& stream, std::int64_t size) const {
    std::vector<std::int64_t> drawn(static_cast<std::size_t>(size * drawn_));
    stream.fill_integers(drawn, 0, alphabet_size());
    Batch batch{empty({size, shape_.length}, {DType::i64}), empty({size, shape_.length}, {DType::i64})};
    for (std::int64_t row = 0; row < size; ++row) {
      arrange(drawn.data() + row * drawn_, batch.inputs.data<std::int64_t>() + row * shape_.length,
              batch.targets.data<std::int64_t>() + row * shape_.length);
    }
    return batch;
  }

  KeyedStream training_, validation_;
  TaskShape shape_;
  std::int64_t drawn_;
};

}  // namespace lockstep::data
