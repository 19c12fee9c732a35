#pragma once

#include <vector>

#include "nn/scope.h"

namespace lockstep::nn {

// Decomposed relative position (Li et al. 2022, MViTv2; Li, Mao, Girshick, He 2022): for queries and keys on
// a grid of two or three dimensions,
//   bias[i, j] = sum over the axes a of q_i . R_a[i_a - j_a + n_a - 1],   q unscaled.
// rel_pos_arr.a (2 n_a - 1, dim_head), zeros at first. Exact in 3-D, where MONAI uses the width's index for
// the depth.
struct DecomposedRelativePosition {
  // Throws for a grid of other than 2 or 3 sizes.
  DecomposedRelativePosition(const Scope& scope, std::vector<std::int64_t> input_size_,
                             std::int64_t dim_head);
  // q (..., heads, T, D), T the number of points of the grid -> (..., heads, T, T). Throws for another T.
  Tensor operator()(const Tensor& q) const;

  std::vector<Tensor> rel_pos_arr;
  std::vector<std::int64_t> input_size;
};

}  // namespace lockstep::nn
