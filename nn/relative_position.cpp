#include "nn/relative_position.h"

#include <numeric>

#include "core/ops.h"

namespace lockstep::nn {
namespace {

// R[i - j + n - 1] for all i, j: (n, n, D)
Tensor by_distance(const Tensor& table, std::int64_t n) {
  std::vector<std::int64_t> distance;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) distance.push_back(i - j + n - 1);
  }
  return reshape(index_select(table, from_values({n * n}, distance, table.device()), 0),
                 {n, n, table.size(1)});
}

}  // namespace

DecomposedRelativePosition::DecomposedRelativePosition(const Scope& scope,
                                                       std::vector<std::int64_t> input_size_,
                                                       std::int64_t dim_head)
    : input_size(std::move(input_size_)) {
  check(input_size.size() == 2 || input_size.size() == 3,
        "[DecomposedRelativePosition] {}: expected an input_size of 2 or 3 numbers, got {}", scope.path(),
        to_string(Dims(input_size)));
  for (std::size_t axis = 0; axis < input_size.size(); ++axis) {
    const Scope arrays = scope / "rel_pos_arr";
    rel_pos_arr.push_back(
        arrays.parameter(std::to_string(axis), {2 * input_size[axis] - 1, dim_head}, init::Constant{0}));
  }
}

Tensor DecomposedRelativePosition::operator()(const Tensor& q) const {
  const int axes = static_cast<int>(input_size.size());
  const std::int64_t tokens = Dims(input_size).numel(), dim = q.size(-1);
  check(q.size(-2) == tokens,
        "[DecomposedRelativePosition] expected the {} tokens of an input of size {}, got q {}", tokens,
        to_string(Dims(input_size)), describe(q));
  // (lead, n_0, n_1[, n_2], D)
  Dims grid_shape{q.numel() / (tokens * dim)};
  for (const std::int64_t n : input_size) grid_shape.push_back(n);
  grid_shape.push_back(dim);
  const Tensor grid = reshape(q, grid_shape);

  Dims scores_shape = grid_shape;  // (lead, n_0, n_1[, n_2], n_0, n_1[, n_2])
  scores_shape.erase(axes + 1);
  for (const std::int64_t n : input_size) scores_shape.push_back(n);
  Tensor bias = zeros(scores_shape, q.options());
  for (int axis = 0; axis < axes; ++axis) {
    const std::int64_t n = input_size[static_cast<std::size_t>(axis)];
    // The axis next to D: (lead, others..., n, 1, D) x (n, D, n) -> (lead, others..., n, 1, n)
    const Tensor queries = transpose(grid, axis + 1, axes);
    Dims row_shape = queries.shape();
    row_shape.insert(axes + 1, 1);
    const Tensor table = transpose(by_distance(rel_pos_arr[static_cast<std::size_t>(axis)], n), 1, 2);
    const Tensor part = matmul(reshape(queries, row_shape), table);
    Dims part_shape = queries.shape();
    part_shape[axes + 1] = n;
    Dims aligned = grid_shape;  // back in place, with size 1 for the keys' other axes
    aligned.erase(axes + 1);
    for (int other = 0; other < axes; ++other) aligned.push_back(other == axis ? n : 1);
    bias = bias + reshape(transpose(reshape(part, part_shape), axis + 1, axes), aligned);
  }
  Dims shape = q.shape();
  shape[shape.rank() - 1] = tokens;
  return reshape(bias, shape);
}

}  // namespace lockstep::nn
