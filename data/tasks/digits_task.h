#pragma once

#include <algorithm>
#include <optional>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random/keyed_stream.h"
#include "data/files/paths.h"
#include "data/tasks/batch_order.h"
#include "data/tasks/dataset.h"
#include "data/tasks/task.h"

// Handwritten digits (UCI, see data/README.md): 1,297 images to learn from and 500 to test on, the same for
// every seed; the order of training depends on the seed.
namespace lockstep::data {

class DigitsTask final : public Task {
 public:
  static constexpr std::int64_t side = 8, test_size = 500;
  static constexpr double brightest = 16;
  explicit DigitsTask(std::uint64_t seed)
      : DigitsTask(h5::File::open(find_data_file("digits.h5").string()), seed) {}

  TaskShape shape() const override {
    return {.images = true, .causal = false, .length = side, .classes = 10};
  }

  Batch training(std::int64_t step, std::int64_t size) override {
    const std::int64_t rows = images_.size() - test_size;
    size = std::min(size, rows);
    if (size != batch_size_) {
      batch_size_ = size;
      order_.emplace(
          rows, BatchOptions{.batch_size = size, .drop_last = true, .seed = seed_, .first_row = test_size});
    }
    return gather(order_->batch(step));
  }
  Batch validation(std::int64_t index, std::int64_t size) override {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(std::min(size, test_size - index * size)));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = index * size + static_cast<std::int64_t>(i);
    return gather(rows);
  }
  std::int64_t validation_batches(std::int64_t size) const override { return (test_size + size - 1) / size; }

 private:
  DigitsTask(const h5::File& file, std::uint64_t seed)
      : images_(file.dataset("images"), DType::f32),
        labels_(file.dataset("labels"), DType::i64),
        seed_(seed),
        split_(KeyedStream(0, "data", "digits split").permutation(images_.size())) {}

  // Rows of the split: the first test_size are for testing.
  Batch gather(std::span<const std::int64_t> rows) {
    std::vector<std::int64_t> chosen;
    for (const std::int64_t row : rows) chosen.push_back(split_[static_cast<std::size_t>(row)]);
    const NoGrad no_grad;
    const auto size = static_cast<std::int64_t>(chosen.size());
    return {reshape(images_.gather(chosen), {size, 1, side, side}) / brightest, labels_.gather(chosen)};
  }

  Hdf5Dataset images_, labels_;
  std::uint64_t seed_;
  std::vector<std::int64_t> split_;
  std::int64_t batch_size_ = 0;
  std::optional<BatchOrder> order_;
};

// A study looks at the first steps alone, and at nothing that blurs them.
inline const Registry<TaskInfo>::Entry digits_task(
    {.name = "digits",
     .summary = "1,797 handwritten digits of 8 x 8 pixels (UCI), by a small vision transformer",
     .make = make<DigitsTask>,
     .recipe = {{"steps", "1500"},
                {"width", "48"},
                {"mlp", "96"},
                {"dropout", "0.1"},
                {"schedule", "cosine"},
                {"warmup", "50"}},
     .study = {{"threshold", "0.5"},
               {"curve_steps", "40"},
               {"steps", "300"},
               {"dropout", "0"},
               {"schedule", "constant"},
               {"warmup", "0"}}});

}  // namespace lockstep::data
