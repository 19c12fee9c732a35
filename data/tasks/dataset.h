#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/tensor.h"
#include "data/files/hdf5.h"

namespace lockstep::data {

// The rows of an HDF5 data set as tensors, read chunk by chunk as they are asked for. The chunks used last
// stay in memory, up to `cache_bytes`: a data set smaller than that is read once, a larger one needs no more
// memory than that. For one thread; every thread may open its own.
//
//   Hdf5Dataset images(h5::File::open("digits.h5").dataset("images"), DType::f32);
//   Tensor x = images.gather(order.batch(step));  // (batch, 8, 8)
class Hdf5Dataset {
 public:
  static constexpr std::int64_t default_cache_bytes = 64 << 20;

  // `dtype` must hold every stored value exactly (u8 to f32, say); throws otherwise, and for a scalar, more
  // than 8 dimensions or empty rows.
  Hdf5Dataset(h5::Dataset set, DType dtype, std::int64_t cache_bytes = default_cache_bytes);

  std::int64_t size() const { return size_; }           // rows
  const Dims& row_shape() const { return row_shape_; }  // of one row: (8, 8)
  DType dtype() const { return dtype_; }

  // Both throw for rows that there are not.
  Tensor rows(std::int64_t begin, std::int64_t count);   // (count, row_shape...)
  Tensor gather(std::span<const std::int64_t> indices);  // (indices, row_shape...), in this order
  std::int64_t cached_bytes() const { return cached_bytes_; }

 private:
  struct Chunk {
    std::int64_t number;
    std::vector<std::byte> bytes;
  };
  const std::byte* row(std::int64_t index);
  const Chunk& chunk(std::int64_t number);

  h5::Dataset set_;
  DType dtype_;
  std::int64_t size_, row_bytes_, chunk_rows_, cache_bytes_, cached_bytes_ = 0;
  Dims row_shape_;
  std::list<Chunk> chunks_;  // the one used last in front
  std::unordered_map<std::int64_t, std::list<Chunk>::iterator> places_;
};

}  // namespace lockstep::data
