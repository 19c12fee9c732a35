#pragma once

#include "core/tensor.h"

// Other views of the same memory (no copy), and the copies that some of them need. Any element type. What
// does not fit (a size, an index, an order) throws.
namespace lockstep {

// The same elements in C order under another shape; one size may be -1. A view where the strides allow it,
// else a copy.
Tensor reshape(const Tensor& x, Dims shape);
// The dimensions first ... last as one.
Tensor flatten(const Tensor& x, int first = 0, int last = -1);
// x repeated along dimensions of size 1 and new leading ones, without a copy (stride 0).
Tensor expand(const Tensor& x, const Dims& shape);
// Dimension i is x's order[i]; two dimensions exchanged.
Tensor permute(const Tensor& x, const std::vector<int>& order);
Tensor transpose(const Tensor& x, int dim0, int dim1);
// x[..., start:stop:step, ...] along dim, of size (stop - start) / step, rounded up. 0 <= start <= stop <=
// size, step > 0.
Tensor slice(const Tensor& x, int dim, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
// zeros of `shape` with x in its [start:stop:step] along dim: the adjoint of slice.
Tensor unslice(const Tensor& x, const Dims& shape, int dim, std::int64_t start, std::int64_t step = 1);
// x backwards along dims: a view with negative strides.
Tensor flip(const Tensor& x, const DimList& dims);
// x[..., index, ...]: without dim; a negative index counts from the end.
Tensor select(const Tensor& x, int dim, std::int64_t index);
// Without the dimension dim, of size 1; with a new one of size 1 at dim.
Tensor squeeze(const Tensor& x, int dim);
Tensor unsqueeze(const Tensor& x, int dim);
// One after the other along dim; equal in all other sizes.
Tensor cat(const std::vector<Tensor>& parts, int dim = 0);
// Tensors of one shape side by side along a new dimension.
Tensor stack(const std::vector<Tensor>& parts, int dim = 0);
// Pieces along dim: of `size` each (the last may be smaller), of these sizes, or so many (of equal size, the
// last may be smaller).
std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim = 0);
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim = 0);
std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int dim = 0);
// x with `before` and `after` elements of `value` around it along dim.
Tensor pad(const Tensor& x, int dim, std::int64_t before, std::int64_t after, double value = 0);
// x itself if it is contiguous (or undefined), else a copy that is.
Tensor contiguous(const Tensor& x);
// A copy with its own memory.
Tensor clone(const Tensor& x);
// x with another element type.
Tensor to(const Tensor& x, DType dtype);
// x on another device: a copy, or x itself (also if it is undefined).
Tensor to(const Tensor& x, Device device);

}  // namespace lockstep
