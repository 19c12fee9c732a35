#pragma once

#include "core/tensor.h"

namespace lockstep {

// One number for all spatial dimensions, or one for each.
using PerDim = std::vector<std::int64_t>;

// Where the windows of a convolution lie.
struct ConvGeometry {
  PerDim stride = {1};
  PerDim padding = {0};   // zeros on both sides
  PerDim dilation = {1};  // distance of the elements of a window
  std::int64_t groups = 1;
  bool same = false;  // instead of padding: so many zeros that stride 1 keeps the size, an odd one at the end
};

// Cross-correlation over 1 to 3 spatial dimensions: x (..., C, spatial), weight (O, C / groups, window), bias
// (O) or undefined -> (..., O, out), out = (spatial + 2 padding - dilation (window - 1) - 1) / stride + 1.
// With groups, each has its own channels of x and of y. Formula: torch.nn.functional.conv1d to conv3d. Throws
// also where windows do not fit x, O or C does not divide by the groups, a list of numbers has neither one
// nor one for each spatial dimension, one is negative (stride, dilation: below 1), and for `same` with a
// stride.
Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
            const ConvGeometry& geometry = {});

// Windows of `size` elements, `spacing` from each other, along dim, which becomes their number; they begin
// `step` apart. The elements of a window are a new last dimension: (..., (n - spacing (size - 1) - 1) / step
// + 1, ..., size). A view. Throws where no window fits, or a number is below 1.
Tensor windows(const Tensor& x, int dim, std::int64_t size, std::int64_t step, std::int64_t spacing = 1);

}  // namespace lockstep
