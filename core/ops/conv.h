#pragma once

#include "core/tensor.h"

namespace lockstep {

// One number for all spatial dimensions, or one for each.
using PerDim = std::vector<std::int64_t>;

// Cross-correlation over 1 to 3 spatial dimensions: x (..., C, spatial), weight (O, C, window), bias (O) or
// undefined -> (..., O, out), out = (spatial + 2 padding - window) / stride + 1, padded with zeros. As a
// product of unfolded windows with the weight.
Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const PerDim& stride = {1},
            const PerDim& padding = {0});

// Windows of `size` elements, `step` apart, along dim, which becomes their number; the elements of a window
// are a new last dimension. A view.
Tensor windows(const Tensor& x, int dim, std::int64_t size, std::int64_t step);

}  // namespace lockstep
