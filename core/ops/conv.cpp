#include "core/ops/conv.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/linear.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// Adds windows up where they came from, in a tensor of `shape`: the adjoint of windows.
Tensor fold(const Tensor& x, const Dims& shape, int dim, std::int64_t step) {
  Tensor y = zeros(shape, x.options());
  const std::int64_t size = x.shape().back(), span = (x.size(dim) - 1) * step + 1;
  {
    const NoGrad no_grad;
    for (std::int64_t i = 0; i < size; ++i) {
      const Tensor place = slice(y, dim, i, i + span, step);
      kernels(y).binary(BinaryOp::add, place, place, select(x, -1, i));
    }
  }
  return record("fold", y,
                wrt(x, [dim, size, step](const Tensor& dy) { return windows(dy, dim, size, step); }));
}

std::int64_t per_dim(const char* what, const PerDim& values, int dims, int i) {
  check(values.size() == 1 || static_cast<int>(values.size()) == dims,
        "[conv] expected 1 or {} numbers for the {}, got {}", dims, what, values.size());
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(i)];
}

}  // namespace

Tensor windows(const Tensor& x, int dim, std::int64_t size, std::int64_t step) {
  dim = normalize_dim(dim, x.rank(), "windows");
  check(size > 0 && step > 0 && size <= x.size(dim),
        "[windows] windows of {} elements, {} apart, do not fit dimension {} of {}", size, step, dim,
        describe(x));
  Dims shape = x.shape(), strides = x.strides();
  shape[dim] = (x.size(dim) - size) / step + 1;
  strides[dim] *= step;
  shape.push_back(size);
  strides.push_back(x.strides()[dim]);
  return record(
      "windows", x.view(shape, strides, x.offset()),
      wrt(x, [from = x.shape(), dim, step](const Tensor& dy) { return fold(dy, from, dim, step); }));
}

Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias, const PerDim& stride,
            const PerDim& padding) {
  const int dims = weight.rank() - 2;
  check(dims >= 1 && dims <= 3 && x.rank() > dims && x.size(-1 - dims) == weight.size(1),
        "[conv] expected x (..., C, spatial) and weight (O, C, window) with 1 to 3 spatial dimensions, got "
        "{} and {}",
        describe(x), describe(weight));
  // (N, C, out..., window...) -> (N, out..., C, window...) -> (N, out..., O) -> (N, O, out...)
  Dims flat(x.shape().end() - dims - 1, x.shape().end());
  flat.insert(0, -1);
  Tensor patches = reshape(x, flat);
  for (int i = 0; i < dims; ++i) {
    const std::int64_t pad = per_dim("padding", padding, dims, i), step = per_dim("stride", stride, dims, i);
    check(pad >= 0 && step > 0 && patches.size(2 + i) + 2 * pad >= weight.size(2 + i),
          "[conv] window {} with stride {} and padding {} does not fit {}", to_string(weight.shape()), step,
          pad, describe(x));
    if (pad > 0) {
      Dims padded = patches.shape();
      padded[2 + i] += 2 * pad;
      patches = unslice(patches, padded, 2 + i, pad);
    }
    patches = windows(patches, 2 + i, weight.size(2 + i), step);
  }
  std::vector<int> order{0}, back{0, dims + 1};
  for (int i = 0; i < dims; ++i) order.push_back(2 + i), back.push_back(1 + i);
  order.push_back(1);
  for (int i = 0; i < dims; ++i) order.push_back(2 + dims + i);
  Dims rows(patches.shape().begin() + 2, patches.shape().begin() + 2 + dims);
  rows.insert(0, patches.size(0));
  rows.push_back(-1);
  const Tensor y = permute(linear(reshape(permute(patches, order), rows),
                                  reshape(weight, {weight.size(0), weight.numel() / weight.size(0)}), bias),
                           back);
  Dims shape(x.shape().begin(), x.shape().end() - dims - 1);
  for (int i = 1; i < y.rank(); ++i) shape.push_back(y.size(i));
  return reshape(y, shape);
}

}  // namespace lockstep
