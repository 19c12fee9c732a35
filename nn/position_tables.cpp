#include "nn/position_tables.h"

#include <cmath>
#include <numbers>

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
  return to(from_values({1, Dims(grid).numel(), width}, values, options.device), options.dtype);
}

Tensor fourier_positions(const std::vector<std::int64_t>& grid, const Tensor& gaussians,
                         TensorOptions options) {
  const auto axes = static_cast<std::int64_t>(grid.size()), half = gaussians.size(0);
  check(gaussians.shape() == Dims({half, axes}), "[fourier] expected gaussians (width / 2, {}), got {}", axes,
        describe(gaussians));
  const std::vector<double> g = gaussians.to_vector();
  // torch.linspace(0, 1, n): the second half counts back from 1.
  const auto coordinate = [](std::int64_t i, std::int64_t n) {
    if (n == 1) return 0.0f;
    const float step = 1.0f / static_cast<float>(n - 1);
    return i < n / 2 ? step * static_cast<float>(i) : 1.0f - step * static_cast<float>(n - 1 - i);
  };
  std::vector<float> values;
  for (std::int64_t index = 0; index < Dims(grid).numel(); ++index) {
    const auto where = point(grid, index);
    const auto angle = [&](std::int64_t feature) {
      float sum = 0;
      for (std::size_t axis = 0; axis < grid.size(); ++axis) {
        const float turn = 2 * std::numbers::pi_v<float> * coordinate(where[axis], grid[axis]);
        const double along = g[static_cast<std::size_t>(feature * axes) + axis];
        sum = std::fma(turn, static_cast<float>(along), sum);
      }
      return sum;
    };
    for (std::int64_t i = 0; i < half; ++i) values.push_back(std::sin(angle(i)));
    for (std::int64_t i = 0; i < half; ++i) values.push_back(std::cos(angle(i)));
  }
  return to(from_values({1, Dims(grid).numel(), 2 * half}, values, options.device), options.dtype);
}

}  // namespace lockstep::nn
