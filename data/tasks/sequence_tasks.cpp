// Generated sequences: copy, induction, reverse and sort. Every sequence is drawn under its own step and row,
// so no two batches, and no training and validation batch, share draws.
#include <algorithm>

#include "core/random/keyed_stream.h"
#include "data/tasks/task.h"

namespace lockstep::data {

namespace {

constexpr std::int64_t validation_size = 512;

// A task whose sequences are made one at a time from random tokens.
class SequenceTask : public Task {
 public:
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

// a1 ... an a1 ... an a1, and at every position the next token; loss only where it can be known (study.md).
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

// a1 ... ap a1 ... ap a1 ..., cut at 32 tokens, with a period p drawn for every sequence: where to look back
// to is not told by the position. Loss behind the longest period, where every target can be known.
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
  // One drawn number stands for the period.
  std::int64_t alphabet_size() const override { return vocabulary * periods; }
  void arrange(const std::int64_t* drawn, std::int64_t* inputs, std::int64_t* targets) const override {
    const std::int64_t period = shortest + drawn[longest] % periods;
    for (std::int64_t t = 0; t < length; ++t) {
      inputs[t] = drawn[t % period] % vocabulary;
      targets[t] = t >= longest ? drawn[(t + 1) % period] % vocabulary : ignored;
    }
  }
};

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

}  // namespace

std::unique_ptr<Task> make_copy_task(std::uint64_t seed) { return std::make_unique<CopyTask>(seed); }
std::unique_ptr<Task> make_induction_task(std::uint64_t seed) {
  return std::make_unique<InductionTask>(seed);
}
std::unique_ptr<Task> make_reverse_task(std::uint64_t seed) { return std::make_unique<ReverseTask>(seed); }
std::unique_ptr<Task> make_sort_task(std::uint64_t seed) { return std::make_unique<SortTask>(seed); }

}  // namespace lockstep::data
