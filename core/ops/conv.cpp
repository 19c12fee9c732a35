#include "core/ops/conv.h"

#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// Adds windows up where they came from, in a tensor of `shape`: the adjoint of windows.
Tensor fold(const Tensor& x, const Dims& shape, int dim, std::int64_t step, std::int64_t spacing) {
  Tensor y = zeros(shape, x.options());
  const std::int64_t size = x.shape().back(), span = (x.size(dim) - 1) * step + 1;
  {
    const NoGrad no_grad;
    for (std::int64_t i = 0; i < size; ++i) {
      const Tensor place = slice(y, dim, i * spacing, i * spacing + span, step);
      kernels(y).binary(BinaryOp::add, place, place, select(x, -1, i));
    }
  }
  return record("fold", y, wrt(x, [=](const Tensor& dy) { return windows(dy, dim, size, step, spacing); }));
}

std::int64_t per_dim(const char* what, const PerDim& values, int dims, int i) {
  check(values.size() == 1 || static_cast<int>(values.size()) == dims,
        "[conv] expected 1 or {} numbers for the {}, got {}", dims, what, values.size());
  const std::int64_t value = values.size() == 1 ? values[0] : values[static_cast<std::size_t>(i)];
  check(value >= 0 && value <= std::numeric_limits<std::int32_t>::max(),
        "[conv] expected a {} between 0 and 2^31, got {}", what, value);
  return value;
}

Tensor grouped_conv(const Tensor& x, const Tensor& weight, const Tensor& bias, ConvGeometry geometry) {
  const std::int64_t groups = std::exchange(geometry.groups, 1), in = weight.size(1),
                     out = weight.size(0) / groups;
  const int channels = 1 - weight.rank();
  std::vector<Tensor> parts;
  for (std::int64_t g = 0; g < groups; ++g) {
    parts.push_back(conv(slice(x, channels, g * in, (g + 1) * in), slice(weight, 0, g * out, (g + 1) * out),
                         bias.defined() ? slice(bias, 0, g * out, (g + 1) * out) : bias, geometry));
  }
  return cat(parts, channels);
}

// y (N, O, P) = W (O, K) x (N, K, P) + b;  dx = W^T dy, dW = sum of dy x^T over N, db = sum of dy
Tensor product_with_columns(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto reference = [](const Tensor& columns, const Tensor& w, const Tensor& b) {
    const Tensor product = matmul(w, columns);
    return b.defined() ? product + unsqueeze(b, 1) : product;
  };
  Tensor y;
  {
    const NoGrad no_grad;
    y = reference(x, weight, bias);
  }
  return record_fused(
      "conv", y, std::array{x, weight, bias},
      [](const Tensor& dout, const auto& in, GradientSlots& slots) {
        const Tensor dy = blas_readable(dout);
        if (const Target dx = slots.target(0); dx.wanted())
          kernels(dy).matmul(dx.buffer, transpose(blas_readable(in[1]), 0, 1), dy, dx.accumulate, {});
        if (const Target dw = slots.target(1); dw.wanted()) {
          const Tensor columns = blas_readable(in[0]);  // windows of one channel may be a view that overlaps
          if (dy.size(0) == 0 && !dw.accumulate) kernels(dy).fill(dw.buffer, 0);
          for (std::int64_t n = 0; n < dy.size(0); ++n)
            kernels(dy).matmul(dw.buffer, dy[n], transpose(columns[n], 0, 1), dw.accumulate || n > 0, {});
        }
        if (slots.needed(2)) slots.add(2, sum(dy, {0, 2}));
      },
      reference);
}

}  // namespace

Tensor windows(const Tensor& x, int dim, std::int64_t size, std::int64_t step, std::int64_t spacing) {
  dim = normalize_dim(dim, x.rank(), "windows");
  check(size > 0 && step > 0 && spacing > 0 && (size - 1) <= (x.size(dim) - 1) / spacing && x.size(dim) > 0,
        "[windows] windows of {} elements, {} from each other, do not fit dimension {} of {}", size, spacing,
        dim, describe(x));
  const std::int64_t span = (size - 1) * spacing + 1;
  Dims shape = x.shape(), strides = x.strides();
  shape[dim] = (x.size(dim) - span) / step + 1;
  strides[dim] *= step;
  shape.push_back(size);
  shape.numel();  // throws where it cannot be counted
  strides.push_back(x.strides()[dim] * spacing);
  return record(
      "windows", x.view(shape, strides, x.offset()),
      wrt(x, [=, from = x.shape()](const Tensor& dy) { return fold(dy, from, dim, step, spacing); }));
}

Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvGeometry& geometry) {
  const int dims = weight.rank() - 2;
  check(geometry.groups > 0 && weight.rank() > 0 && weight.size(0) % geometry.groups == 0,
        "[conv] the output channels of weight {} do not divide by {} groups", describe(weight),
        geometry.groups);
  check(dims >= 1 && dims <= 3 && x.rank() > dims && x.size(-1 - dims) == weight.size(1) * geometry.groups,
        "[conv] expected x (..., C, spatial) and weight (O, C / {}, window) with 1 to 3 spatial dimensions, "
        "got "
        "{} and {}",
        geometry.groups, describe(x), describe(weight));
  if (geometry.groups > 1) return grouped_conv(x, weight, bias, geometry);
  check(!bias.defined() || bias.shape() == Dims{weight.size(0)},
        "[conv] expected a bias of shape ({},), got {}", weight.size(0), describe(bias));
  Dims flat(x.shape().end() - dims - 1, x.shape().end());
  flat.insert(0, Dims(x.shape().begin(), x.shape().end() - dims - 1).numel());
  Tensor padded = reshape(x, flat);
  PerDim steps, spacings;
  bool overlap = false;
  for (int i = 0; i < dims; ++i) {
    const std::int64_t step = per_dim("stride", geometry.stride, dims, i),
                       spacing = per_dim("dilation", geometry.dilation, dims, i),
                       padding = per_dim("padding", geometry.padding, dims, i),
                       span = spacing * (weight.size(2 + i) - 1) + 1,
                       zeros = geometry.same ? span - 1 : 2 * padding;
    check(step > 0 && spacing > 0 && padded.size(2 + i) + zeros >= span,
          "[conv] weight {} with stride {}, dilation {} and padding {} does not fit {}",
          to_string(weight.shape()), step, spacing, padding, describe(x));
    check(!geometry.same || step == 1, "[conv] padding \"same\" keeps the size with stride 1 only, got {}",
          step);
    overlap = overlap || step < weight.size(2 + i);
    padded = pad(padded, 2 + i, zeros / 2, zeros - zeros / 2);
    steps.push_back(step);
    spacings.push_back(spacing);
  }
  Tensor patches = padded;  // all of the padding first: windows hold every element more than once
  for (int i = 0; i < dims; ++i) {
    const auto d = static_cast<std::size_t>(i);
    patches = windows(patches, 2 + i, weight.size(2 + i), steps[d], spacings[d]);
  }
  // patches (N, C, out..., window...)
  std::vector<int> outs, window;
  for (int i = 0; i < dims; ++i) outs.push_back(2 + i), window.push_back(2 + dims + i);
  const auto ordered = [&](std::vector<int> order, const std::vector<int>& more,
                           const std::vector<int>& rest) {
    order.insert(order.end(), more.begin(), more.end());
    order.insert(order.end(), rest.begin(), rest.end());
    return order;
  };
  const std::int64_t width = Dims(weight.shape().begin() + 1, weight.shape().end()).numel();
  const Tensor flat_weight = reshape(weight, {weight.size(0), width});
  Dims shape(x.shape().begin(), x.shape().end() - dims - 1);
  shape.push_back(weight.size(0));
  for (const int dim : outs) shape.push_back(patches.size(dim));
  if (overlap) {  // (N, C window, out): copied in long runs
    const Tensor columns = permute(patches, ordered({0, 1}, window, outs));
    const std::int64_t places = Dims(shape.end() - dims, shape.end()).numel();
    return reshape(
        product_with_columns(reshape(columns, {patches.size(0), width, places}), flat_weight, bias), shape);
  }
  // (N, out..., C window) -> (N, out..., O) -> (N, O, out...)
  Dims rows(shape.end() - dims, shape.end());
  rows.insert(0, patches.size(0));
  rows.push_back(width);
  std::vector<int> back{0, dims + 1};
  for (int i = 0; i < dims; ++i) back.push_back(1 + i);
  const Tensor y = linear(reshape(permute(patches, ordered({0}, outs, ordered({1}, window, {}))), rows),
                          flat_weight, bias);
  return reshape(permute(y, back), shape);
}

}  // namespace lockstep
