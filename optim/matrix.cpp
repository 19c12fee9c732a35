#include "optim/matrix.h"

#include <algorithm>

#include "core/ops.h"
#include "optim/updates.h"

namespace lockstep::optim {

namespace {

Tensor sums_of_squares(std::span<const Tensor> x, std::int64_t count) {
  if (x.empty()) return zeros({count}, {DType::f64});
  const Tensor sums = empty({count}, {DType::f64, x.front().device()});
  kernels(x.front()).sums_of_squares(sums, x);
  return sums;
}

}  // namespace

Tensor norms(std::span<const Tensor> x) {
  return sqrt(sums_of_squares(x, static_cast<std::int64_t>(x.size())));
}

Tensor root_mean_squares(std::span<const Tensor> x) {
  const Tensor means = sums_of_squares(x, static_cast<std::int64_t>(x.size()));
  Updates divide;
  for (std::size_t i = 0; i < x.size(); ++i) {
    divide.add(rules::Multiply<double>{1 / static_cast<double>(x[i].numel())}, {element(means, i), {}});
  }
  divide.run();
  return sqrt(means);
}

Tensor joint_norm(std::span<const Tensor> x) { return sqrt(sums_of_squares(x, 1)); }

Tensor one_unless_positive(const Tensor& a, const Tensor& b, const Tensor& value) {
  return where(minimum(a, b) > 0, value, ones(a.shape(), a.options()));
}

Tensor ratio_or_one(const Tensor& a, const Tensor& b) { return one_unless_positive(a, b, a / b); }

Tensor element(const Tensor& x, std::size_t i) {
  return x.view({1}, {1}, x.offset() + static_cast<std::int64_t>(i) * x.strides()[0]);
}

std::size_t index_of_row(const std::vector<RowRange>& ranges, std::int64_t row) {
  const auto found =
      std::find_if(ranges.begin(), ranges.end(), [row](const RowRange& range) { return row < range.end; });
  return static_cast<std::size_t>(found - ranges.begin());
}

}  // namespace lockstep::optim
