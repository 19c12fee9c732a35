#include "nn/orthogonal.h"

#include <cmath>
#include <vector>

namespace lockstep::nn {
namespace {

// A tall matrix as its columns, so that the inner loops run over neighbours.
using Columns = std::vector<std::vector<double>>;

double dot(const std::vector<double>& a, const std::vector<double>& b, std::size_t from) {
  double sum = 0;
  for (std::size_t i = from; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// x -= 2 (v . x) v over the elements from `from` on, |v| = 1
void reflect(std::vector<double>& x, const std::vector<double>& v, std::size_t from) {
  const double twice = 2 * dot(v, x, from);
  for (std::size_t i = from; i < x.size(); ++i) x[i] -= twice * v[i];
}

// Q of A = Q R. Golub, Van Loan, Matrix Computations, 5.2: reflection k zeroes column k below the diagonal; Q
// is the product of the reflections, applied backwards to the columns of the identity. The signs make R's
// diagonal positive.
Columns q_of(Columns a) {
  const std::size_t columns = a.size(), rows = a[0].size();
  std::vector<double> diagonal(columns);
  for (std::size_t k = 0; k < columns; ++k) {
    std::vector<double>& v = a[k];
    const double norm = std::sqrt(dot(v, v, k));
    diagonal[k] = v[k] > 0 ? -norm : norm;  // the sign that avoids cancellation
    v[k] -= diagonal[k];
    const double length = std::sqrt(dot(v, v, k));
    if (length == 0) continue;  // the column is zero: nothing to reflect
    for (std::size_t i = k; i < rows; ++i) v[i] /= length;
    for (std::size_t j = k + 1; j < columns; ++j) reflect(a[j], v, k);
  }
  Columns q(columns, std::vector<double>(rows, 0.0));
  for (std::size_t j = 0; j < columns; ++j) {
    q[j][j] = diagonal[j] < 0 ? -1 : 1;
    for (std::size_t k = j + 1; k-- > 0;) reflect(q[j], a[k], k);
  }
  return q;
}

}  // namespace

void householder_q(const Tensor& x) {
  const auto rows = static_cast<std::size_t>(x.size(0)), columns = static_cast<std::size_t>(x.numel()) / rows;
  const bool wide = rows < columns;
  Columns a(wide ? rows : columns, std::vector<double>(wide ? columns : rows));
  dispatch_real(x.dtype(), [&](auto type) {
    using T = decltype(type);
    T* values = x.data<T>();
    const auto at = [&](std::size_t i, std::size_t j) -> double& { return wide ? a[i][j] : a[j][i]; };
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) at(i, j) = values[i * columns + j];
    }
    a = q_of(std::move(a));
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) values[i * columns + j] = static_cast<T>(at(i, j));
    }
  });
  x.mark_changed();
}

}  // namespace lockstep::nn
