#pragma once

#include <vector>

#include "core/tensor.h"

namespace lockstep::nn {

// Fixed position embeddings of a grid, as MONAI builds them in f32: (1, points, width), points in C order.
// For 2-D [sin w, cos w, sin h, cos h], for 3-D then [sin d, cos d]: of position / temperature^(i /
// n), in radians, n the width over 4 (or 6). Throws for a width that does not divide, or another grid.
Tensor sincos_positions(const std::vector<std::int64_t>& grid, std::int64_t width, double temperature,
                        TensorOptions options);

// Random Fourier features of a grid, as MONAI builds them in f32 (arXiv:2509.02488): (1, points, width),
// [sin, cos] of 2 pi p . g with p in [0, 1] along each axis and g the rows of `gaussians` (width / 2, axes),
// of which another shape throws.
Tensor fourier_positions(const std::vector<std::int64_t>& grid, const Tensor& gaussians,
                         TensorOptions options);

}  // namespace lockstep::nn
