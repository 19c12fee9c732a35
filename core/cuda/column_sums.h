#pragma once

#include <algorithm>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/cuda/memory.h"
#include "core/target.h"

// Sums over the rows of a matrix, always in the same order.
namespace lockstep::cuda {

// plain[column] (+)= the sum of x over rows, products[column] (+)= that of x factor, formed in f64; null: not
// wanted. A block takes 8 columns, a warp of it 4 rows of them at a time; where rows are many, blocks share
// them, and the last one adds up what they leave.
template <typename T>
class ColumnSums {
 public:
  static constexpr unsigned threads = block_threads;

  // For x (rows, columns); `room` must live until the launch.
  ColumnSums(const Target& plain, const Target& products, std::int64_t rows, std::int64_t columns,
             Buffer& room)
      : plain_(plain.wanted() ? on_device<T>(plain.buffer) : nullptr),
        products_(products.wanted() ? on_device<T>(products.buffer) : nullptr),
        add_plain_(plain.accumulate),
        add_products_(products.accumulate),
        parts_(static_cast<unsigned>(std::clamp<std::int64_t>(rows / (8 * rows_at_once), 1, 16))) {
    const unsigned blocks = blocks_of(columns, columns_of_block);
    if (plain_ == nullptr && products_ == nullptr) return;
    blocks_ = blocks * parts_;
    if (parts_ == 1) return;
    room = Buffer(std::size_t{blocks_} * sums_of_block * sizeof(double), Device::cuda);
    of_parts_ = static_cast<double*>(room.data());
    counters_ = counters(blocks);
  }
  auto fields() const {
    return std::tie(plain_, products_, add_plain_, add_products_, parts_, blocks_, of_parts_, counters_);
  }

  __host__ __device__ unsigned blocks() const { return blocks_; }

  // `factor(at, row)`: by which element x[at] of a row is multiplied.
  template <typename Factor>
  __device__ void operator()(unsigned block, const T* x, const Factor& factor, std::int64_t rows,
                             std::int64_t columns) const {
    __shared__ double of_warp[warps][sums_of_block];
    const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32, part = block % parts_;
    const std::int64_t first_column = static_cast<std::int64_t>(block / parts_) * columns_of_block,
                       column = first_column + lane % columns_of_block,
                       rows_of_part = (rows + parts_ - 1) / parts_, first = part * rows_of_part,
                       end = rows - first < rows_of_part ? rows : first + rows_of_part;
    double sum = 0, product = 0;
    if (column < columns) {
#pragma unroll 8
      for (std::int64_t row = first + 4 * warp + lane / columns_of_block; row < end; row += rows_at_once) {
        const std::int64_t at = row * columns + column;
        sum += static_cast<double>(x[at]);
        if (products_ != nullptr) product += static_cast<double>(x[at] * factor(at, row));
      }
    }
    for (int bits = columns_of_block; bits < 32; bits *= 2) {
      sum += __shfl_xor_sync(~0u, sum, bits);
      product += __shfl_xor_sync(~0u, product, bits);
    }
    if (lane < columns_of_block) {
      of_warp[warp][lane] = sum;
      of_warp[warp][columns_of_block + lane] = product;
    }
    __syncthreads();
    // From here on a thread for each column of each sum.
    double total = 0;
    const bool has_sum = threadIdx.x < sums_of_block;
    if (has_sum)
      for (const auto& other : of_warp) total += other[threadIdx.x];
    if (parts_ > 1) {
      double* const left = of_parts_ + std::size_t{block - part} * sums_of_block + threadIdx.x;
      if (has_sum) left[part * sums_of_block] = total;
      if (!comes_last(counters_ + block / parts_, parts_)) return;
      total = 0;
      if (has_sum)
        for (unsigned p = 0; p < parts_; ++p) total += left[p * sums_of_block];
    }
    const bool of_products = threadIdx.x >= columns_of_block;
    T* const to = of_products ? products_ : plain_;
    const std::int64_t at = first_column + threadIdx.x % columns_of_block;
    if (!has_sum || to == nullptr || at >= columns) return;
    const bool add = of_products ? add_products_ : add_plain_;
    to[at] = static_cast<T>(add ? static_cast<double>(to[at]) + total : total);
  }

 private:
  static constexpr unsigned columns_of_block = 8, warps = threads / 32, rows_at_once = 4 * warps,
                            sums_of_block = 2 * columns_of_block;

  T *plain_, *products_;
  bool add_plain_, add_products_;
  unsigned parts_, blocks_ = 0;
  double* of_parts_ = nullptr;  // (blocks, sums_of_block)
  unsigned* counters_ = nullptr;
};

// to (columns) (+)= the sum of x (rows, columns), contiguous, over its rows; nothing if it is not wanted.
template <typename T>
void column_sums(const Target& to, const T* x, std::int64_t rows, std::int64_t columns);

}  // namespace lockstep::cuda
