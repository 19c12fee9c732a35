#include "core/ops/normalization.h"

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/checks.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// The shape that statistics are taken over.
Dims normalized_shape(const char* name, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor& given = weight.defined() ? weight : bias;
  check_real(name, x);
  check(x.rank() > 0, "[{}] expected at least one dimension, got {}", name, describe(x));
  const Dims shape = given.defined() ? given.shape() : Dims{x.shape().back()};
  check(shape.rank() > 0 && shape.rank() <= x.rank() &&
            std::equal(shape.begin(), shape.end(), x.shape().end() - shape.rank()),
        "[{}] a weight of shape {} does not fit the trailing dimensions of {}", name, to_string(shape),
        describe(x));
  for (const Tensor& w : {weight, bias}) {
    check(!w.defined() || (w.shape() == shape && w.dtype() == x.dtype()),
          "[{}] expected weight and bias {} {}, got {}", name, name_of(x.dtype()), to_string(shape),
          describe(w));
  }
  return shape;
}

std::vector<int> trailing_dims(int count) {
  std::vector<int> dims;
  for (int i = -count; i < 0; ++i) dims.push_back(i);
  return dims;
}

Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor scaled = weight.defined() ? x * weight : x;
  return bias.defined() ? scaled + bias : scaled;
}

Tensor layer_norm_reference(const Tensor& x, const Tensor& weight, const Tensor& bias, int count,
                            double eps) {
  const std::vector<int> dims = trailing_dims(count);
  const Tensor centred = x - mean(x, dims, true);
  return affine(centred * rsqrt(mean(square(centred), dims, true) + eps), weight, bias);
}

// A view of contiguous memory as (rows, width); undefined stays undefined.
Tensor as_rows(const Tensor& x, std::int64_t width) {
  return x.defined() ? reshape(x, {width == 0 ? 0 : x.numel() / width, width}) : x;
}
Target as_rows(const Target& target, std::int64_t width) {
  return {as_rows(target.buffer, width), target.accumulate};
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const Dims shape = normalized_shape("layer_norm", x, weight, bias);
  const std::int64_t width = shape.numel(), rows = width == 0 ? 0 : x.numel() / width;
  Tensor y = empty_like(x);
  const Tensor mean = empty({rows}, x.options()), rstd = empty({rows}, x.options());
  {
    const NoGrad no_grad;
    kernels("layer_norm", x, weight, bias)
        .layer_norm(as_rows(y, width), mean, rstd, as_rows(contiguous(x), width), contiguous(weight),
                    contiguous(bias), eps);
  }
  return record_fused(
      "layer_norm", y, std::array{x, weight, bias},
      [mean = saved(mean), rstd = saved(rstd), width](const Tensor& dy, const auto& in,
                                                      GradientSlots& slots) {
        kernels(dy).layer_norm_backward(as_rows(slots.target(0), width), slots.target(1), slots.target(2),
                                        as_rows(contiguous(dy), width), as_rows(contiguous(in[0]), width),
                                        mean(), rstd(), contiguous(in[1]));
      },
      [count = shape.rank(), eps](const Tensor& x_in, const Tensor& w, const Tensor& b) {
        return layer_norm_reference(x_in, w, b, count, eps);
      });
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, std::optional<double> given_eps) {
  const double eps = given_eps.value_or(epsilon_of(x.dtype()));
  const Dims shape = normalized_shape("rms_norm", x, weight, {});
  const std::int64_t width = shape.numel(), rows = width == 0 ? 0 : x.numel() / width;
  Tensor y = empty_like(x);
  const Tensor rrms = empty({rows}, x.options());
  {
    const NoGrad no_grad;
    kernels("rms_norm", x, weight)
        .layer_norm(as_rows(y, width), {}, rrms, as_rows(contiguous(x), width), contiguous(weight), {}, eps);
  }
  return record_fused(
      "rms_norm", y, std::array{x, weight},
      [rrms = saved(rrms), width](const Tensor& dy, const auto& in, GradientSlots& slots) {
        kernels(dy).layer_norm_backward(as_rows(slots.target(0), width), slots.target(1), {},
                                        as_rows(contiguous(dy), width), as_rows(contiguous(in[0]), width), {},
                                        rrms(), contiguous(in[1]));
      },
      [dims = trailing_dims(shape.rank()), eps](const Tensor& x_in, const Tensor& w) {
        return affine(x_in * rsqrt(mean(square(x_in), dims, true) + eps), w, {});
      });
}

Tensor group_norm(const Tensor& x, int groups, const Tensor& weight, const Tensor& bias, double eps) {
  check(x.rank() >= 2 && groups > 0 && x.size(1) % groups == 0,
        "[group_norm] expected x (N, C, ...) with C divisible by {} groups, got {}", groups, describe(x));
  Dims per_channel = x.shape();
  for (int i = 0; i < per_channel.rank(); ++i) per_channel[i] = i == 1 ? x.size(1) : 1;
  const auto channels = [&](const Tensor& w) {
    check(!w.defined() || w.shape() == Dims{x.size(1)}, "[group_norm] expected weight and bias ({},), got {}",
          x.size(1), describe(w));
    return w.defined() ? reshape(w, per_channel) : w;
  };
  Dims by_group = flatten(x, 1).shape();
  by_group[1] /= groups;
  by_group.insert(1, groups);
  const Tensor grouped = layer_norm(reshape(x, by_group), {}, {}, eps);
  return affine(reshape(grouped, x.shape()), channels(weight), channels(bias));
}

}  // namespace lockstep
