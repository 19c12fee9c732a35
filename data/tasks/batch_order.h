#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lockstep::data {

// How rows become batches; sizes in rows.
struct BatchOptions {
  std::int64_t batch_size = 32;
  bool shuffle = true;     // another order in every epoch
  bool drop_last = false;  // leave out the last batch of an epoch where it is smaller
  std::uint64_t seed = 0;
  std::int64_t first_row = 0;  // the rows are first_row, first_row + 1, ...: a part of a data set
};

// Which rows make up which batch. The order of an epoch depends on (seed, epoch, number of rows) and on
// nothing else: not on the model, not on earlier epochs, not on where a resumed run goes on.
//
//   BatchOrder order(images.size(), {.batch_size = 64, .seed = 7});
//   Tensor x = images.gather(order.batch(step)), y = labels.gather(order.batch(step));
class BatchOrder {
 public:
  // Throws for no rows, a batch size below 1, and with drop_last for fewer rows than a batch has.
  BatchOrder(std::int64_t rows, const BatchOptions& options);

  std::int64_t batches_per_epoch() const { return batches_; }
  // The rows of batch `step`, counted over all epochs from 0 on. They stay valid until another epoch is asked
  // for. Throws for a negative step.
  std::span<const std::int64_t> batch(std::int64_t step);

 private:
  void shuffle(std::int64_t epoch);

  std::int64_t rows_, batches_;
  BatchOptions options_;
  std::int64_t epoch_ = -1;  // whose order order_ is
  std::vector<std::int64_t> order_;
};

}  // namespace lockstep::data
