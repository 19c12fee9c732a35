#include "core/ops/conv.h"

#include <limits>

#include "core/autograd.h"
#include "core/conv_kernels.h"
#include "core/kernels.h"
#include "core/ops/checks.h"
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

// A convolution's shape, and what is left of x's leading dimensions.
struct Placement {
  ConvShape shape;
  ConvShape::Spatial after = {0, 0, 0};  // zeros behind x
  int dims = 0;                          // spatial ones, the last of the three
  Dims y;
};

Placement placement_of(const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const ConvGeometry& geometry) {
  const int dims = weight.rank() - 2;
  check_real("conv", x);
  check_same_type("conv", x, weight);
  if (bias.defined()) check_same_type("conv", x, bias);
  check(geometry.groups > 0 && weight.rank() > 0 && weight.size(0) % geometry.groups == 0,
        "[conv] the output channels of weight {} do not divide by {} groups", describe(weight),
        geometry.groups);
  check(dims >= 1 && dims <= 3 && x.rank() > dims && x.size(-1 - dims) == weight.size(1) * geometry.groups,
        "[conv] expected x (..., C, spatial) and weight (O, C / {}, window) with 1 to 3 spatial dimensions, "
        "got {} and {}",
        geometry.groups, describe(x), describe(weight));
  check(!bias.defined() || bias.shape() == Dims{weight.size(0)},
        "[conv] expected a bias of shape ({},), got {}", weight.size(0), describe(bias));
  Placement placement{.dims = dims, .y = Dims(x.shape().begin(), x.shape().end() - dims - 1)};
  ConvShape& shape = placement.shape;
  shape.images = placement.y.numel();
  shape.in = x.size(-1 - dims);
  shape.out = weight.size(0);
  shape.groups = geometry.groups;
  placement.y.push_back(shape.out);
  for (int i = 0; i < dims; ++i) {
    const auto d = static_cast<std::size_t>(3 - dims + i);
    const std::int64_t step = per_dim("stride", geometry.stride, dims, i),
                       spacing = per_dim("dilation", geometry.dilation, dims, i),
                       padding = per_dim("padding", geometry.padding, dims, i), size = x.size(i - dims),
                       window = weight.size(2 + i), span = spacing * (window - 1) + 1,
                       zeros = geometry.same ? span - 1 : 2 * padding;
    check(step > 0 && spacing > 0 && window > 0 && size + zeros >= span,
          "[conv] weight {} with stride {}, dilation {} and padding {} does not fit {}",
          to_string(weight.shape()), step, spacing, padding, describe(x));
    check(!geometry.same || step == 1, "[conv] padding \"same\" keeps the size with stride 1 only, got {}",
          step);
    shape.size[d] = size;
    shape.window[d] = window;
    shape.places[d] = (size + zeros - span) / step + 1;
    shape.step[d] = step;
    shape.spacing[d] = spacing;
    shape.before[d] = zeros / 2;
    placement.after[d] = zeros - zeros / 2;
    placement.y.push_back(shape.places[d]);
  }
  placement.y.numel();  // throws where it cannot be counted
  return placement;
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

// Unfolded windows of x times the weight; x (N, C, spatial).
Tensor composed_group(const Tensor& x, const Tensor& weight, const Tensor& bias, const Placement& placement) {
  const int dims = placement.dims;
  const ConvShape& shape = placement.shape;
  Tensor patches = x;
  bool overlap = false;
  for (int i = 0; i < dims; ++i) {  // all of the padding first: windows hold every element more than once
    const auto d = static_cast<std::size_t>(3 - dims + i);
    overlap = overlap || shape.step[d] < shape.window[d];
    patches = pad(patches, 2 + i, shape.before[d], placement.after[d]);
  }
  for (int i = 0; i < dims; ++i) {
    const auto d = static_cast<std::size_t>(3 - dims + i);
    patches = windows(patches, 2 + i, shape.window[d], shape.step[d], shape.spacing[d]);
  }
  // patches (N, C, places..., window...)
  std::vector<int> outs, window;
  Dims y{shape.images, weight.size(0)};
  for (int i = 0; i < dims; ++i) {
    outs.push_back(2 + i), window.push_back(2 + dims + i);
    y.push_back(patches.size(2 + i));
  }
  const auto ordered = [&](std::vector<int> order, const std::vector<int>& more,
                           const std::vector<int>& rest) {
    order.insert(order.end(), more.begin(), more.end());
    order.insert(order.end(), rest.begin(), rest.end());
    return order;
  };
  const std::int64_t width = Dims(weight.shape().begin() + 1, weight.shape().end()).numel();
  const Tensor flat_weight = reshape(weight, {weight.size(0), width});
  if (overlap) {  // (N, C window, places): copied in long runs
    const Tensor columns = permute(patches, ordered({0, 1}, window, outs));
    const std::int64_t places = ConvShape::product(shape.places);
    return reshape(product_with_columns(reshape(columns, {shape.images, width, places}), flat_weight, bias),
                   y);
  }
  // (N, places..., C window) -> (N, places..., O) -> (N, O, places...)
  Dims rows(y.begin() + 2, y.end());
  rows.insert(0, shape.images);
  rows.push_back(width);
  std::vector<int> back{0, dims + 1};
  for (int i = 0; i < dims; ++i) back.push_back(1 + i);
  const Tensor product = linear(reshape(permute(patches, ordered({0}, outs, ordered({1}, window, {}))), rows),
                                flat_weight, bias);
  return permute(product, back);
}

Tensor composed(const Tensor& x, const Tensor& weight, const Tensor& bias, const Placement& placement) {
  Dims flat(x.shape().end() - placement.dims - 1, x.shape().end());
  flat.insert(0, placement.shape.images);
  const Tensor images = reshape(x, flat);
  const std::int64_t groups = placement.shape.groups, in = weight.size(1), out = weight.size(0) / groups;
  std::vector<Tensor> parts;
  for (std::int64_t g = 0; g < groups; ++g) {
    parts.push_back(
        composed_group(slice(images, 1, g * in, (g + 1) * in), slice(weight, 0, g * out, (g + 1) * out),
                       bias.defined() ? slice(bias, 0, g * out, (g + 1) * out) : bias, placement));
  }
  return reshape(groups == 1 ? parts[0] : cat(parts, 1), placement.y);
}

// Whether the device's own kernels take it.
bool fuses(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return kernels("conv", x, weight, bias).convolution() != nullptr && is_real(x.dtype()) &&
         x.dtype() == weight.dtype() && (!bias.defined() || bias.dtype() == x.dtype()) && x.numel() > 0 &&
         weight.numel() > 0;
}

// Calls compute(target) with memory that is contiguous.
template <typename Compute>
void compute_into(const Target& target, const Compute& compute) {
  if (!target.wanted()) return;
  if (target.buffer.is_contiguous()) return compute(target);
  const Tensor result = empty(target.buffer.shape(), target.buffer.options());
  compute(Target{result});
  if (target.accumulate) {
    kernels(result).binary(BinaryOp::add, target.buffer, target.buffer, result);
  } else {
    kernels(result).copy(target.buffer, result);
  }
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
  const Placement placement = placement_of(x, weight, bias, geometry);
  if (!fuses(x, weight, bias)) return composed(x, weight, bias, placement);
  const Tensor y = empty(placement.y, x.options());
  {
    const NoGrad no_grad;
    kernels(x).convolution()->forward(y, contiguous(x), contiguous(weight),
                                      bias.defined() ? contiguous(bias) : bias, placement.shape);
  }
  return record_fused(
      "conv", y, std::array{x, weight, bias},
      [placement](const Tensor& dout, const auto& in, GradientSlots& slots) {
        const Tensor dy = contiguous(dout);
        const ConvKernels& conv = *kernels(dy).convolution();
        compute_into(slots.target(0),
                     [&](const Target& dx) { conv.backward_x(dx, dy, contiguous(in[1]), placement.shape); });
        compute_into(slots.target(1), [&](const Target& dweight) {
          conv.backward_weight(dweight, dy, contiguous(in[0]), placement.shape);
        });
        compute_into(slots.target(2),
                     [&](const Target& dbias) { conv.backward_bias(dbias, dy, placement.shape); });
      },
      [placement](const Tensor& images, const Tensor& w, const Tensor& b) {
        return composed(images, w, b, placement);
      });
}

}  // namespace lockstep
