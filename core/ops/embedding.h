#pragma once

#include <optional>

#include "core/tensor.h"

// Elements picked by index. Indices are i64, of any shape unless said. Throws for one below 0 or too large
// (on a GPU, with the next copy to the host).
namespace lockstep {

// The rows of a table (rows, width...) that index (any shape) names: (index..., width...). The row `padding`
// is read like the others and gets no gradient.
Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<std::int64_t> padding = {});
// The slices of x along dim that a one-dimensional index names: x's shape, with the index's size along dim.
Tensor index_select(const Tensor& x, const Tensor& index, int dim);

// (index..., classes) i64: 1 at the class that the index names, else 0.
Tensor one_hot(const Tensor& index, std::int64_t classes);

// y[i, j, ...] = x[index[i, j, ...], j, ...] for dim 0, and so on: of the index's shape, whose rank is x's.
// In the other dimensions index may be smaller than x.
Tensor gather(const Tensor& x, const Tensor& index, int dim);

}  // namespace lockstep
