#pragma once

#include <array>
#include <tuple>

#include "core/tensor.h"

namespace lockstep {

// How N tensors that share a shape (broadcast ones have stride 0) are walked: neighbouring dimensions that
// behave like one are merged, so that most nests of loops end up one- or two-dimensional.
template <std::size_t N>
struct Strided {
  using Strides = std::array<std::int64_t, N>;
  std::array<std::int64_t, Dims::max_rank> sizes{};
  std::array<Strides, Dims::max_rank> strides{};
  Strides start{};
  int rank = 0;  // at least 1
  auto fields() const { return std::tie(sizes, strides, start, rank); }

  Strided(const Dims& shape, const std::array<const Tensor*, N>& tensors) {
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape[i] == 1) continue;
      Strides step;
      for (std::size_t t = 0; t < N; ++t) {
        const Tensor& x = *tensors[t];
        const int at = i - (shape.rank() - x.rank());
        step[t] = at < 0 || x.shape()[at] == 1 ? 0 : x.strides()[at];
      }
      add(shape[i], step);
    }
    if (rank == 0) add(1, Strides{});
  }

 private:
  void add(std::int64_t size, const Strides& step) {
    if (rank > 0) {
      const std::size_t last = static_cast<std::size_t>(rank) - 1;
      bool merges = true;
      for (std::size_t t = 0; t < N; ++t) merges = merges && strides[last][t] == step[t] * size;
      if (merges) {
        sizes[last] *= size;
        strides[last] = step;
        return;
      }
    }
    sizes[static_cast<std::size_t>(rank)] = size;
    strides[static_cast<std::size_t>(rank)] = step;
    ++rank;
  }
};

// How BLAS reads the last two dimensions: as they stand, or transposed.
struct MatrixLayout {
  explicit MatrixLayout(const Tensor& x) {
    const std::int64_t rows = x.size(-2), columns = x.size(-1);
    const std::int64_t row_stride = x.strides()[x.rank() - 2], column_stride = x.strides().back();
    transposed = !(column_stride == 1 || columns == 1) ||
                 (row_stride == 1 && column_stride >= rows && columns > 1 && rows > 1 && column_stride != 1);
    leading = std::max<std::int64_t>(transposed ? column_stride : row_stride, transposed ? rows : columns);
  }
  bool transposed;
  std::int64_t leading;
};

// A matrix (rows, columns) as (columns, rows).
inline Tensor transposed(const Tensor& x) {
  return x.view({x.size(1), x.size(0)}, {x.strides()[1], x.strides()[0]}, x.offset());
}

// The first element of each matrix: the last two dimensions with size 1.
inline Tensor first_of_each_matrix(const Tensor& x) {
  Dims shape = x.shape();
  shape[x.rank() - 1] = shape[x.rank() - 2] = 1;
  return x.view(shape, x.strides(), x.offset());
}

}  // namespace lockstep
