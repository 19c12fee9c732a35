#pragma once

#include <vector>

#include "core/tensor.h"

namespace lockstep::nn {

// Fixed position embeddings of a grid, as MONAI builds them in f32: (1, points, width), points in C order.
// For 2-D [sin w, cos w, sin h, cos h], for 3-D with [sin d, cos d] behind: of position / temperature^(i /
// n), n the width over 4 (or 6), which it must divide by.
Tensor sincos_positions(const std::vector<std::int64_t>& grid, std::int64_t width, double temperature,
                        TensorOptions options);

}  // namespace lockstep::nn
