#pragma once

#include <array>
#include <set>

#include "core/random/keyed_stream.h"
#include "data/files/atomic_file.h"
#include "data/files/paths.h"
#include "data/tasks/task.h"

// Characters of tiny-shakespeare, split 90:10 as in nanoGPT.
namespace lockstep::data {

class ShakespeareTask final : public Task {
 public:
  static constexpr std::int64_t context = 64;
  explicit ShakespeareTask(std::uint64_t seed) : stream_(seed, "data", "training") {
    const std::string text = read_file(find_data_file("tinyshakespeare.txt"));
    const std::set<char> characters(text.begin(), text.end());
    alphabet_.assign(characters.begin(), characters.end());
    tokens_.reserve(text.size());
    std::array<std::int64_t, 256> number{};
    for (std::size_t i = 0; i < alphabet_.size(); ++i)
      number[static_cast<unsigned char>(alphabet_[i])] = static_cast<std::int64_t>(i);
    for (const char c : text) tokens_.push_back(number[static_cast<unsigned char>(c)]);
    training_size_ = static_cast<std::int64_t>(tokens_.size()) * 9 / 10;
  }

  TaskShape shape() const override {
    const auto characters = static_cast<std::int64_t>(alphabet_.size());
    return {.vocabulary = characters, .length = context, .classes = characters};
  }
  std::string alphabet() const override { return alphabet_; }

  Batch training(std::int64_t step, std::int64_t size) override {
    const KeyedStream starts = stream_.substream(static_cast<std::uint64_t>(step));
    Batch batch = empty_batch(size);
    for (std::int64_t row = 0; row < size; ++row) {
      const auto start =
          starts.below(static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(training_size_ - context));
      fill_row(batch, row, static_cast<std::int64_t>(start));
    }
    return batch;
  }

  // The held-out text from end to end, in pieces of one context: every character counts once.
  Batch validation(std::int64_t index, std::int64_t size) override {
    const std::int64_t first = index * size;
    Batch batch = empty_batch(std::min(size, pieces() - first));
    for (std::int64_t row = 0; row < batch.inputs.size(0); ++row)
      fill_row(batch, row, training_size_ + (first + row) * context);
    return batch;
  }
  std::int64_t validation_batches(std::int64_t size) const override { return (pieces() + size - 1) / size; }

 private:
  std::int64_t pieces() const {
    return (static_cast<std::int64_t>(tokens_.size()) - 1 - training_size_) / context;
  }

  static Batch empty_batch(std::int64_t size) {
    return {empty({size, context}, {DType::i64}), empty({size, context}, {DType::i64})};
  }
  void fill_row(const Batch& batch, std::int64_t row, std::int64_t start) const {
    const auto from = tokens_.begin() + start;
    std::copy_n(from, context, batch.inputs.data<std::int64_t>() + row * context);
    std::copy_n(from + 1, context, batch.targets.data<std::int64_t>() + row * context);
  }

  KeyedStream stream_;
  std::string alphabet_;
  std::vector<std::int64_t> tokens_;
  std::int64_t training_size_ = 0;
};

// nanoGPT's small CPU setting: validation loss 1.88.
inline const Registry<TaskInfo>::Entry shakespeare_task(
    {.name = "shakespeare",
     .summary = "the next character of Shakespeare's plays (nanoGPT's small CPU setting)",
     .make = make<ShakespeareTask>,
     .recipe = {{"steps", "2000"},
                {"batch", "12"},
                {"layers", "4"},
                {"width", "128"},
                {"mlp", "512"},
                {"optimizer", "adamw"},
                {"weight_decay", "0.1"},
                {"schedule", "cosine"},
                {"warmup", "100"},
                {"min_lr", "0.0001"},
                {"clip", "1"}},
     .study = {{"threshold", "2.2"}, {"curve_steps", "300"}}});

}  // namespace lockstep::data
