#pragma once

#include <limits>
#include <span>
#include <vector>

#include "core/parameter.h"

// What rules that look at whole matrices need of them: norms and factors as f64 numbers on the matrices' own
// device, which nothing reads on the host. All matrices are contiguous.
namespace lockstep::optim {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

// |x[i]|, the Frobenius norms, formed in f64: (count). And sqrt(mean(x[i]^2)).
Tensor norms(std::span<const Tensor> x);
Tensor root_mean_squares(std::span<const Tensor> x);
// The norm of all together: (1).
Tensor joint_norm(std::span<const Tensor> x);

// `value` where a and b are more than 0, else 1. And value = a / b.
Tensor one_unless_positive(const Tensor& a, const Tensor& b, const Tensor& value);
Tensor ratio_or_one(const Tensor& a, const Tensor& b);

// Number i of a vector, a view of one element.
Tensor element(const Tensor& x, std::size_t i);

// The ranges of rows that a rule takes for one, of a matrix (two dimensions or more) or of a vector.
inline std::vector<RowRange> ranges_by(const Parameter& parameter, Granularity matrices,
                                       Granularity vectors) {
  return row_ranges(parameter, parameter.tensor.rank() < 2 ? vectors : matrices);
}

// Rows of a parameter, of its update, and of the update by scale_by, which says how large the first one is to
// be: parts or heads, the finer of what direction_by and scale_by take for one. Views, (rows, ...).
struct Piece {
  Tensor parameter, update, sized;
  std::size_t scale;  // in which of the parameter's ranges by scale_by
};
struct PieceRule {
  Granularity direction_by, scale_by, vectors_by = Granularity::tensor;
};
std::vector<Piece> pieces_of(const Parameter& parameter, const Tensor& update, const Tensor& sized,
                             const PieceRule& by);
// |sized| / |update| of each, 1 where a norm is 0: (count).
Tensor size_factors(std::span<const Piece> pieces);

}  // namespace lockstep::optim
