// Elements by index. Sums are always formed in the same order, so two runs have the same bits.
#include <algorithm>
#include <bit>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/memory.h"
#include "core/cuda/strided.h"

namespace lockstep::cuda {

namespace {

__global__ void __launch_bounds__(block_threads)
    check_range_kernel(const std::int64_t* index, std::int64_t n, Fault found, Fault* fault) {
  for (std::int64_t i = first_element(); i < n; i += all_threads()) {
    const std::int64_t at = index[i];
    if ((at >= 0 && at < found.size) || (found.has_ignore && at == found.ignore)) continue;
    if (atomicCAS(&fault->found, 0u, 1u) != 0) continue;
    fault->what = found.what;
    fault->index = at;
    fault->size = found.size;
    fault->ignore = found.ignore;
    fault->has_ignore = found.has_ignore;
  }
}

// Rows that an index out of range names count as zeros; check_range reports it.
template <typename T>
__global__ void __launch_bounds__(block_threads)
    take_rows_kernel(T* y, const T* table, const std::int64_t* index, std::int64_t n, std::int64_t rows,
                     std::int64_t width) {
  for (std::int64_t i = first_element(); i < n; i += all_threads()) {
    const std::int64_t row = index[i / width];
    y[i] = row >= 0 && row < rows ? table[row * width + i % width] : T(0);
  }
}

// Blocks that share the places of an index: what each leaves of its row of the table and columns.
template <typename T>
struct RowParts {
  unsigned count;
  T* sums;  // (rows, blocks of columns, count, columns)
  unsigned* counters;
  auto fields() const { return std::tie(count, sums, counters); }
};

// Blocks for each row of the table and so many of its columns, a power of two: one lists where its part of
// the index names its row, 256 places at a time, and adds what stands there. Groups of threads, one for each
// column, share the places.
template <typename T>
__global__ void __launch_bounds__(block_threads, 4)
    add_rows_kernel(T* table, const T* x, const std::int64_t* index, std::int64_t n, std::int64_t width,
                    unsigned columns, RowParts<T> parts) {
  constexpr unsigned warps = block_threads / 32;
  __shared__ std::int64_t places[block_threads];
  __shared__ int found[warps];
  __shared__ T of_group[block_threads];
  const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int group = static_cast<int>(threadIdx.x / columns),
            groups = static_cast<int>(block_threads / columns);
  const std::int64_t row = blockIdx.x,
                     column = static_cast<std::int64_t>(blockIdx.y) * columns + threadIdx.x % columns;
  T sum = 0;
  for (std::int64_t begin = std::int64_t{blockIdx.z} * block_threads; begin < n;
       begin += std::int64_t{parts.count} * block_threads) {
    const std::int64_t place = begin + threadIdx.x;
    const bool is_mine = place < n && index[place] == row;
    const unsigned of_warp = __ballot_sync(~0u, is_mine);
    __syncthreads();  // the last list was read
    if (lane == 0) found[warp] = std::popcount(of_warp);
    __syncthreads();
    int before = std::popcount(of_warp & ((1u << lane) - 1)), count = 0;
    for (unsigned other = 0; other < warps; ++other) {
      if (other < warp) before += found[other];
      count += found[other];
    }
    if (is_mine) places[before] = place;
    __syncthreads();
    if (column < width) {
#pragma unroll 8
      for (int i = group; i < count; i += groups) sum += x[places[i] * width + column];
    }
  }
  of_group[threadIdx.x] = sum;
  __syncthreads();
  const bool has_sum = group == 0 && column < width;
  if (has_sum) {
    for (unsigned other = threadIdx.x + columns; other < block_threads; other += columns)
      sum += of_group[other];
  }
  if (parts.count > 1) {
    const unsigned block = blockIdx.x * gridDim.y + blockIdx.y;
    T* const left = parts.sums + std::size_t{block} * parts.count * columns + threadIdx.x;
    if (has_sum) left[blockIdx.z * columns] = sum;
    if (!comes_last(parts.counters + block, parts.count)) return;
    sum = 0;
    if (has_sum)
      for (unsigned p = 0; p < parts.count; ++p) sum += left[p * columns];
  }
  if (has_sum) table[row * width + column] = sum;
}

template <typename T>
__global__ void __launch_bounds__(block_threads)
    gather_kernel(T* y, const T* x, const std::int64_t* index, Strided<3> walk, std::int64_t n,
                  std::int64_t size, std::int64_t step) {
  for (std::int64_t i = first_element(); i < n; i += all_threads()) {
    const auto at = offsets(walk, i);
    const std::int64_t row = index[at[2]];
    y[at[0]] = row >= 0 && row < size ? x[at[1] + row * step] : T(0);
  }
}

// A thread for each line along the dimension of the index.
template <typename T>
__global__ void __launch_bounds__(block_threads)
    scatter_add_kernel(T* y, const T* x, const std::int64_t* index, Strided<3> lines, std::int64_t n,
                       std::int64_t count, std::int64_t size, Strided<3>::Strides step) {
  for (std::int64_t line = first_element(); line < n; line += all_threads()) {
    const auto at = offsets(lines, line);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = index[at[2] + i * step[2]];
      if (row >= 0 && row < size) y[at[0] + row * step[0]] += x[at[1] + i * step[1]];
    }
  }
}

// x without its dimension `dim`: where each line along it starts, for the lines of `shape`.
Tensor line_starts(const Tensor& x, Dims shape, int dim) {
  shape[dim] = 1;
  return x.view(shape, x.strides(), x.offset());
}

}  // namespace

void CudaKernels::check_range(const char* what, const Tensor& index, std::int64_t size,
                              std::optional<std::int64_t> ignore) const {
  const Fault found{0, what, 0, size, ignore.value_or(0), ignore.has_value()};
  launch(check_range_kernel, blocks_for(index.numel()), block_threads, 0, on_device<std::int64_t>(index),
         index.numel(), found, fault());
}

void CudaKernels::take_rows(const Tensor& y, const Tensor& table, const Tensor& index) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(take_rows_kernel<T>, blocks_for(y.numel()), block_threads, 0, on_device<T>(y), on_device<T>(table),
           on_device<std::int64_t>(index), y.numel(), table.size(0), table.size(1));
  });
}

void CudaKernels::add_rows(const Tensor& table, const Tensor& x, const Tensor& index) const {
  const std::int64_t rows = table.size(0), width = table.size(1);
  const unsigned columns = std::bit_ceil(static_cast<unsigned>(std::min<std::int64_t>(width, block_threads)));
  const unsigned blocks_of_row = blocks_of(width, columns);
  const std::int64_t blocks = rows * blocks_of_row;
  if (blocks == 0) return;
  // So many blocks in all that a large card has something to do, each with 256 places or more.
  const auto count = static_cast<unsigned>(
      std::clamp<std::int64_t>(std::min(256 / blocks, index.numel() / block_threads), 1, 16));
  dispatch_real(x.dtype(), [&](auto t) {
    using T = decltype(t);
    Buffer room;
    RowParts<T> parts{count, nullptr, nullptr};
    if (count > 1) {
      room = Buffer(static_cast<std::size_t>(blocks) * count * columns * sizeof(T), Device::cuda);
      parts.sums = static_cast<T*>(room.data());
      parts.counters = counters(static_cast<std::size_t>(blocks));
    }
    launch(add_rows_kernel<T>, dim3(static_cast<unsigned>(rows), blocks_of_row, count), block_threads, 0,
           on_device<T>(table), on_device<T>(x), on_device<std::int64_t>(index), index.numel(), width,
           columns, parts);
  });
}

void CudaKernels::gather(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const {
  // x with stride 0 along dim: where each line of it starts.
  Dims strides = x.strides();
  strides[dim] = 0;
  const Tensor lines = x.view(index.shape(), strides, x.offset());
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(gather_kernel<T>, blocks_for(y.numel()), block_threads, 0, on_device<T>(y), on_device<T>(x),
           on_device<std::int64_t>(index), Strided<3>(index.shape(), {&y, &lines, &index}), y.numel(),
           x.size(dim), x.strides()[dim]);
  });
}

void CudaKernels::scatter_add(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const {
  const std::int64_t count = index.size(dim), lines = count == 0 ? 0 : index.numel() / count;
  const Tensor to = line_starts(y, index.shape(), dim), from = line_starts(x, index.shape(), dim),
               at = line_starts(index, index.shape(), dim);
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(scatter_add_kernel<T>, blocks_for(lines), block_threads, 0, on_device<T>(y), on_device<T>(x),
           on_device<std::int64_t>(index), Strided<3>(at.shape(), {&to, &from, &at}), lines, count,
           y.size(dim), Strided<3>::Strides{y.strides()[dim], x.strides()[dim], index.strides()[dim]});
  });
}

}  // namespace lockstep::cuda
