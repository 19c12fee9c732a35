#pragma once

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/target.h"

// Sums over the rows of a matrix, always in the same order.
namespace lockstep::cuda {

// plain[column] (+)= the sum of x over rows, products[column] (+)= that of x factor, formed in f64; null: not
// wanted. A block takes 8 columns; a warp takes 4 rows of them at a time.
template <typename T>
struct ColumnSums {
  static constexpr int columns_of_block = 8, warps_of_block = 32, rows_at_once = 4 * warps_of_block;
  static constexpr unsigned threads = 32 * warps_of_block;

  T *plain, *products;
  bool add_plain, add_products;

  ColumnSums(const Target& plain_target, const Target& products_target)
      : plain(plain_target.wanted() ? on_device<T>(plain_target.buffer) : nullptr),
        products(products_target.wanted() ? on_device<T>(products_target.buffer) : nullptr),
        add_plain(plain_target.accumulate),
        add_products(products_target.accumulate) {}
  auto fields() const { return std::tie(plain, products, add_plain, add_products); }

  unsigned blocks(std::int64_t columns) const {
    return plain == nullptr && products == nullptr ? 0 : blocks_of(columns, columns_of_block);
  }

  // `factor(at, row)`: by which element x[at] of a row is multiplied.
  template <typename Factor>
  __device__ void operator()(std::int64_t block, const T* x, const Factor& factor, std::int64_t rows,
                             std::int64_t columns) const {
    __shared__ double of_warp[2][warps_of_block][columns_of_block + 1];
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    const std::int64_t column = block * columns_of_block + lane % columns_of_block;
    double sum = 0, product = 0;
    if (column < columns) {
#pragma unroll 8
      for (std::int64_t row = 4 * warp + lane / columns_of_block; row < rows; row += rows_at_once) {
        const std::int64_t at = row * columns + column;
        sum += static_cast<double>(x[at]);
        if (products != nullptr) product += static_cast<double>(x[at] * factor(at, row));
      }
    }
    for (int bits = columns_of_block; bits < 32; bits *= 2) {
      sum += __shfl_xor_sync(~0u, sum, bits);
      product += __shfl_xor_sync(~0u, product, bits);
    }
    if (lane < columns_of_block) {
      of_warp[0][warp][lane] = sum;
      of_warp[1][warp][lane] = product;
    }
    __syncthreads();
    // Now a warp for each column of each sum.
    const int which = warp / columns_of_block, mine = warp % columns_of_block;
    T* const to = which == 0 ? plain : which == 1 ? products : nullptr;
    const std::int64_t at = block * columns_of_block + mine;
    if (to == nullptr || at >= columns) return;
    const double total = sum_of_lanes(of_warp[which][lane][mine]);
    if (lane != 0) return;
    const bool add = which == 0 ? add_plain : add_products;
    to[at] = static_cast<T>(add ? static_cast<double>(to[at]) + total : total);
  }
};

// to (columns) (+)= the sum of x (rows, columns), contiguous, over its rows; nothing if it is not wanted.
template <typename T>
void column_sums(const Target& to, const T* x, std::int64_t rows, std::int64_t columns);

}  // namespace lockstep::cuda
