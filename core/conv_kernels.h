#pragma once

#include <array>
#include <cstdint>

#include "core/target.h"
#include "core/tensor.h"

namespace lockstep {

// A convolution of x (images, in, size) with weight (out, in / groups, window) to y (images, out, places).
// Of three spatial dimensions; those that are not there are the first, of size 1.
struct ConvShape {
  using Spatial = std::array<std::int64_t, 3>;

  std::int64_t images = 0, in = 0, out = 0, groups = 1;
  Spatial size = {1, 1, 1}, window = {1, 1, 1}, places = {1, 1, 1};
  Spatial step = {1, 1, 1};     // from window to window
  Spatial spacing = {1, 1, 1};  // from element to element of a window
  Spatial before = {0, 0, 0};   // zeros before x; after it as many as the windows reach

  static std::int64_t product(const Spatial& sizes) { return sizes[0] * sizes[1] * sizes[2]; }
};

// Convolution by kernels of a device's own: core/ops/conv.h has the formula. Tensors have the shapes that
// ConvShape names, are contiguous, of one real type, and no size is 0; nothing is checked.
class ConvKernels {
 public:
  virtual ~ConvKernels() = default;

  // y = weight * x + bias; bias (out) may be undefined. Then its adjoints: dx like x, dweight like weight,
  // dbias (out).
  virtual void forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const ConvShape& shape) const = 0;
  virtual void backward_x(const Target& dx, const Tensor& dy, const Tensor& weight,
                          const ConvShape& shape) const = 0;
  virtual void backward_weight(const Target& dweight, const Tensor& dy, const Tensor& x,
                               const ConvShape& shape) const = 0;
  virtual void backward_bias(const Target& dbias, const Tensor& dy, const ConvShape& shape) const = 0;
};

}  // namespace lockstep
