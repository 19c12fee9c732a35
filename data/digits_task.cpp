// Handwritten digits (UCI, see data/README.md): 1,297 images to learn from and 500 to test on, the same for every seed;
// the order of training depends on the seed.
#include <algorithm>

#include "core/random/keyed_stream.h"
#include "data/hdf5.h"
#include "data/paths.h"
#include "data/task.h"

namespace lockstep::data {

namespace {

constexpr std::int64_t side = 8, pixels = side * side, test_size = 500;
constexpr float brightest = 16;

class DigitsTask final : public Task {
 public:
  explicit DigitsTask(std::uint64_t seed) : order_(seed, "data", "order") {
    const h5::File file = h5::File::open(find_data_file("digits.h5"));
    images_ = file.dataset("images").read<std::uint8_t>().values;
    labels_ = file.dataset("labels").read<std::int64_t>().values;
    split_ = KeyedStream(0, "data", "digits split").permutation(static_cast<std::int64_t>(labels_.size()));
  }

  TaskShape shape() const override { return {.images = true, .causal = false, .length = side, .classes = 10}; }

  Batch training(std::int64_t step, std::int64_t size) const override {
    const std::int64_t n = training_size();
    size = std::min(size, n);
    std::vector<std::int64_t> chosen;
    std::int64_t epoch = -1;
    std::vector<std::int64_t> order;
    for (std::int64_t i = step * size; i < (step + 1) * size; ++i) {
      if (i / n != epoch) order = order_.substream(static_cast<std::uint64_t>(epoch = i / n)).permutation(n);
      chosen.push_back(split_[static_cast<std::size_t>(test_size + order[static_cast<std::size_t>(i % n)])]);
    }
    return gather(chosen);
  }
  Batch validation(std::int64_t index, std::int64_t size) const override {
    const auto first = split_.begin() + index * size;
    return gather({first, first + std::min(size, test_size - index * size)});
  }
  std::int64_t validation_batches(std::int64_t size) const override { return (test_size + size - 1) / size; }

 private:
  std::int64_t training_size() const { return static_cast<std::int64_t>(labels_.size()) - test_size; }

  Batch gather(const std::vector<std::int64_t>& chosen) const {
    const auto size = static_cast<std::int64_t>(chosen.size());
    Batch batch{empty({size, 1, side, side}), empty({size}, {DType::i64})};
    float* image = batch.inputs.data<float>();
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t row = chosen[static_cast<std::size_t>(i)];
      const auto from = images_.begin() + row * pixels;
      image = std::transform(from, from + pixels, image, [](std::uint8_t grey) { return static_cast<float>(grey) / brightest; });
      batch.targets.data<std::int64_t>()[i] = labels_[static_cast<std::size_t>(row)];
    }
    return batch;
  }

  KeyedStream order_;
  std::vector<std::uint8_t> images_;
  std::vector<std::int64_t> labels_, split_;
};

}  // namespace

std::shared_ptr<const Task> make_digits_task(std::uint64_t seed) { return std::make_shared<DigitsTask>(seed); }

}  // namespace lockstep::data
