#include "nn/position_tables.h"

#include <cmath>

#include "core/ops/views.h"

namespace lockstep::nn {
namespace {

// The coordinates of point number `index` of the grid.
std::vector<std::int64_t> point(const std::vector<std::int64_t>& grid, std::int64_t index) {
  std::vector<std::int64_t> found(grid.size());
  for (std::size_t axis = grid.size(); axis-- > 0;) {
    found[axis] = index % grid[axis];
    index /= grid[axis];
  }
  return found;
}

}  // namespace

Tensor sincos_positions(const std::vector<std::int64_t>& grid, std::int64_t width, double temperature,
                        TensorOptions options) {
  const auto axes = static_cast<std::int64_t>(grid.size());
  check((axes == 2 || axes == 3) && width % (2 * axes) == 0,
        "[sincos] expected 2 or 3 dimensions and a hidden size that divides by 4 or 6, got {} dimensions and "
        "{}",
        axes, width);
  const std::int64_t n = width / (2 * axes);
  std::vector<float> omega;
  for (std::int64_t i = 0; i < n; ++i) {
    omega.push_back(1 /
                    std::pow(static_cast<float>(temperature), static_cast<float>(i) / static_cast<float>(n)));
  }
  // MONAI puts the second axis before the first.
  std::vector<std::size_t> order = {1, 0};
  if (axes == 3) order.push_back(2);
  std::vector<float> values;
  for (std::int64_t index = 0; index < Dims(grid).numel(); ++index) {
    const auto where = point(grid, index);
    for (const std::size_t axis : order) {
      const auto angle = [&](float o) { return static_cast<float>(where[axis]) * o; };
      for (const float o : omega) values.push_back(std::sin(angle(o)));
      for (const float o : omega) values.push_back(std::cos(angle(o)));
    }
  }
  return to(from_values({1, Dims(grid).numel(), width}, values), options.dtype);
}

}  // namespace lockstep::nn
