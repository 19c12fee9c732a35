#include "data/tasks/batch_order.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/random/keyed_stream.h"

namespace lockstep::data {

BatchOrder::BatchOrder(std::int64_t rows, const BatchOptions& options) : rows_(rows), options_(options) {
  check(rows > 0, "[BatchOrder] expected at least one row: got {}", rows);
  check(options.batch_size > 0, "[BatchOrder] expected a batch size of at least 1: got {}",
        options.batch_size);
  batches_ = options.drop_last ? rows / options.batch_size : (rows - 1) / options.batch_size + 1;
  check(batches_ > 0,
        "[BatchOrder] {} rows don't fill one batch of {}; take smaller batches or keep the last", rows,
        options.batch_size);
}

std::span<const std::int64_t> BatchOrder::batch(std::int64_t step) {
  check(step >= 0, "[BatchOrder] expected a step from 0 on: got {}", step);
  shuffle(options_.shuffle ? step / batches_ : 0);
  const std::int64_t begin = step % batches_ * options_.batch_size;
  const std::int64_t count = std::min(options_.batch_size, rows_ - begin);
  return std::span(order_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
}

void BatchOrder::shuffle(std::int64_t epoch) {
  if (epoch == epoch_) return;
  if (options_.shuffle) {
    const KeyedStream stream(options_.seed, "data", "order");
    order_ = stream.substream(static_cast<std::uint64_t>(epoch)).permutation(rows_);
    for (std::int64_t& row : order_) row += options_.first_row;
  } else {
    order_.resize(static_cast<std::size_t>(rows_));
    std::iota(order_.begin(), order_.end(), options_.first_row);
  }
  epoch_ = epoch;
}

}  // namespace lockstep::data
