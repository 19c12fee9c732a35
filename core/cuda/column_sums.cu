// Sums over the rows of a matrix by themselves.
#include "core/cuda/column_sums.h"

namespace lockstep::cuda {

namespace {

template <typename T>
__global__ void __launch_bounds__(ColumnSums<T>::threads, 4)
    column_sums_kernel(ColumnSums<T> sums, const T* x, std::int64_t rows, std::int64_t columns) {
  sums(
      blockIdx.x, x, [](std::int64_t, std::int64_t) { return T(0); }, rows, columns);
}

}  // namespace

template <typename T>
void column_sums(const Target& to, const T* x, std::int64_t rows, std::int64_t columns) {
  Buffer room;
  const ColumnSums<T> sums(to, {}, rows, columns, room);
  launch(column_sums_kernel<T>, sums.blocks(), ColumnSums<T>::threads, 0, sums, x, rows, columns);
}

template void column_sums(const Target&, const float*, std::int64_t, std::int64_t);
template void column_sums(const Target&, const double*, std::int64_t, std::int64_t);

}  // namespace lockstep::cuda
