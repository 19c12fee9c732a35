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

std::vector<Piece> pieces_of(const Parameter& parameter, const Tensor& update, const Tensor& sized,
                             const PieceRule& by) {
  const std::vector<RowRange> scales = ranges_by(parameter, by.scale_by, by.vectors_by);
  std::vector<Piece> pieces;
  std::size_t scale = 0;
  for (const RowRange& range : ranges_by(parameter, std::max(by.direction_by, by.scale_by), by.vectors_by)) {
    while (range.begin >= scales[scale].end) ++scale;
    pieces.push_back({rows(parameter.tensor, range), rows(update, range), rows(sized, range), scale});
  }
  return pieces;
}

Tensor size_factors(std::span<const Piece> pieces) {
  std::vector<Tensor> made, wanted;
  for (const Piece& piece : pieces) made.push_back(piece.update), wanted.push_back(piece.sized);
  return ratio_or_one(norms(wanted), norms(made));
}

}  // namespace lockstep::optim
