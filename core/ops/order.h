#pragma once

#include <optional>

#include "core/tensor.h"

// Elements by their order. NaN counts as the largest, and is also what argmin and min_with_indices choose;
// between equals the first comes first. Indices are i64. Results have x's shape, without dim (or size 1
// there, with keepdim) where one element is chosen along it. Throws where there is none to choose.
namespace lockstep {

// Elements and where along dim they stood. Gradients go to those places.
struct Ordered {
  Tensor values, indices;
};

// Where the largest (smallest) element along dim is; without dim, in the flattened tensor.
Tensor argmax(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
// The largest (smallest) along dim and where it is: torch.max(x, dim).
Ordered max_with_indices(const Tensor& x, int dim, bool keepdim = false);
Ordered min_with_indices(const Tensor& x, int dim, bool keepdim = false);

Tensor argsort(const Tensor& x, int dim = -1, bool descending = false);
Ordered sort(const Tensor& x, int dim = -1, bool descending = false);
// The k largest (smallest) along dim, in order: size k there. Throws unless 0 <= k <= x.size(dim).
Ordered topk(const Tensor& x, std::int64_t k, int dim = -1, bool largest = true);

}  // namespace lockstep
