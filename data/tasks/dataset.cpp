#include "data/tasks/dataset.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace lockstep::data {
namespace {

constexpr std::int64_t plain_chunk_bytes = 64 * 1024;  // read at once where the file itself has no chunks

Dims shape_behind_rows(const h5::Dataset& set) {
  check(!set.shape().empty() && std::ssize(set.shape()) <= Dims::max_rank,
        "[hdf5] {}: expected a data set of 1 to {} dimensions, rows first: got {}", set.name(),
        Dims::max_rank, set.shape().size());
  return {set.shape().begin() + 1, set.shape().end()};
}

}  // namespace

Hdf5Dataset::Hdf5Dataset(h5::Dataset set, DType dtype, std::int64_t cache_bytes)
    : set_(std::move(set)), dtype_(dtype), cache_bytes_(cache_bytes), row_shape_(shape_behind_rows(set_)) {
  set_.expect_fits(dtype);
  size_ = set_.shape()[0];
  row_bytes_ = row_shape_.numel() * static_cast<std::int64_t>(size_of(dtype));
  check(row_bytes_ > 0, "[hdf5] {}: its rows are empty", set_.name());
  chunk_rows_ = set_.chunk_rows();
  if (chunk_rows_ == 0) chunk_rows_ = std::max<std::int64_t>(1, plain_chunk_bytes / row_bytes_);
}

const Hdf5Dataset::Chunk& Hdf5Dataset::chunk(std::int64_t number) {
  if (const auto place = places_.find(number); place != places_.end()) {
    chunks_.splice(chunks_.begin(), chunks_, place->second);
    return chunks_.front();
  }
  const std::int64_t begin = number * chunk_rows_, count = std::min(chunk_rows_, size_ - begin);
  const std::int64_t bytes = count * row_bytes_;
  while (!chunks_.empty() && cached_bytes_ + bytes > cache_bytes_) {
    cached_bytes_ -= std::ssize(chunks_.back().bytes);
    places_.erase(chunks_.back().number);
    chunks_.pop_back();
  }
  Chunk read{number, std::vector<std::byte>(static_cast<std::size_t>(bytes))};
  dispatch(dtype_, [&]<typename T>(T) {
    // A vector of bytes has new's alignment, enough for any T.
    set_.read_rows(begin, count,
                   std::span(reinterpret_cast<T*>(read.bytes.data()), read.bytes.size() / sizeof(T)));
  });
  chunks_.push_front(std::move(read));
  places_[number] = chunks_.begin();
  cached_bytes_ += bytes;
  return chunks_.front();
}

const std::byte* Hdf5Dataset::row(std::int64_t index) {
  check(index >= 0 && index < size_, "[hdf5] {}: row {} asked for, it has {} rows", set_.name(), index,
        size_);
  return chunk(index / chunk_rows_).bytes.data() + index % chunk_rows_ * row_bytes_;
}

Tensor Hdf5Dataset::gather(std::span<const std::int64_t> indices) {
  Dims shape = row_shape_;
  shape.insert(0, std::ssize(indices));
  Tensor out = empty(shape, {dtype_});
  // Row by row in the order of the file, so that no chunk is read twice for one batch.
  std::vector<std::size_t> by_row(indices.size());
  std::iota(by_row.begin(), by_row.end(), std::size_t{0});
  std::ranges::sort(by_row, {}, [&](std::size_t i) { return indices[i]; });
  auto* const start = static_cast<std::byte*>(out.raw_data());
  for (const std::size_t i : by_row) {
    std::memcpy(start + static_cast<std::int64_t>(i) * row_bytes_, row(indices[i]),
                static_cast<std::size_t>(row_bytes_));
  }
  return out;
}

Tensor Hdf5Dataset::rows(std::int64_t begin, std::int64_t count) {
  check(begin >= 0 && count >= 0 && begin <= size_ - count,
        "[hdf5] {}: rows {} to {} asked for, it has {} rows", set_.name(), begin, begin + count, size_);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), begin);
  return gather(indices);
}

}  // namespace lockstep::data
