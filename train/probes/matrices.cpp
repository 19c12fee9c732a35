#include "train/probes/matrices.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace lockstep::train {

namespace {

bool is_attention_matrix(const std::string& name) {
  return std::ranges::any_of(
      std::initializer_list<const char*>{".attn.q", ".attn.k", ".attn.v", ".attn.out_proj"},
      [&](const char* end) { return name.ends_with(end); });
}

// y = A x, and x = A^T y.
void multiply(const Matrix& a, std::span<const double> x, std::span<double> y) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < a.columns; ++j) sum += a.values[i * a.columns + j] * x[j];
    y[i] = sum;
  }
}
void multiply_transposed(const Matrix& a, std::span<const double> y, std::span<double> x) {
  std::ranges::fill(x, 0.0);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) x[j] += a.values[i * a.columns + j] * y[i];
  }
}

double norm(std::span<const double> x) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

std::vector<Matrix> attention_matrices(const ParameterList& parameters, Of what) {
  constexpr std::string_view weight = ".weight";
  std::vector<Matrix> matrices;
  std::vector<Tensor> tensors;
  for (const Parameter& parameter : parameters) {
    if (!parameter.trainable || parameter.tensor.shape().rank() != 2) continue;
    for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
      if (!range.name.ends_with(weight)) continue;
      const std::string name = range.name.substr(0, range.name.size() - weight.size());
      if (!is_attention_matrix(name)) continue;
      const Tensor& tensor = what == Of::weights ? parameter.tensor : parameter.tensor.grad();
      matrices.push_back({name, range.end - range.begin, parameter.tensor.size(1), {}});
      tensors.push_back(rows(tensor, range));
    }
  }
  std::vector<std::vector<double>> values = to_vectors(tensors);
  for (std::size_t i = 0; i < matrices.size(); ++i) matrices[i].values = std::move(values[i]);
  return matrices;
}

std::vector<std::string> attention_layers(std::span<const Matrix> matrices) {
  std::vector<std::string> layers;
  for (const Matrix& matrix : matrices) {
    const std::string layer = matrix.name.substr(0, matrix.name.rfind('.'));
    if (std::ranges::find(layers, layer) == layers.end()) layers.push_back(layer);
  }
  return layers;
}

const Matrix& matrix_of(std::span<const Matrix> matrices, const std::string& layer, const std::string& part) {
  const auto found = std::ranges::find(matrices, layer + "." + part, &Matrix::name);
  check(found != matrices.end(), "{} has no matrix {}: the probe does not fit this model", layer, part);
  return *found;
}

std::int64_t heads_of(const ParameterList& parameters) {
  std::int64_t heads = 1;
  for (const Parameter& parameter : parameters) {
    for (const LogicalPart& part : parameter.parts) heads = std::max<std::int64_t>(heads, part.heads);
  }
  return heads;
}

double frobenius_norm(const Matrix& a) { return norm(a.values); }

double largest_singular_value(const Matrix& a) {
  constexpr int most = 2000;
  constexpr double settled = 1e-9;
  // Not orthogonal to any vector that a matrix is likely to have.
  std::vector<double> x(static_cast<std::size_t>(a.columns)), y(static_cast<std::size_t>(a.rows));
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = 1 + 0.5 * std::sin(1.0 + double(j * j));
  double before = 0;
  for (int i = 0; i < most; ++i) {
    const double length = norm(x);
    if (length == 0) return 0;
    for (double& value : x) value /= length;
    multiply(a, x, y);
    const double sigma = norm(y);
    multiply_transposed(a, y, x);
    if (std::abs(sigma - before) <= settled * sigma) return sigma;
    before = sigma;
  }
  return before;
}

Matrix transposed(const Matrix& a) {
  Matrix t{.name = a.name, .rows = a.columns, .columns = a.rows, .values = a.values};
  for (std::int64_t i = 0; i < t.rows; ++i)
    for (std::int64_t j = 0; j < t.columns; ++j) t.values[i * t.columns + j] = a.values[j * a.columns + i];
  return t;
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{.rows = a.rows, .columns = b.columns, .values = std::vector<double>(a.rows * b.columns)};
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t k = 0; k < a.columns; ++k) {
      for (std::int64_t j = 0; j < c.columns; ++j)
        c.values[i * c.columns + j] += a.values[i * a.columns + k] * b.values[k * b.columns + j];
    }
  }
  return c;
}

Matrix row_block(const Matrix& a, std::int64_t begin, std::int64_t count) {
  const auto first = a.values.begin() + begin * a.columns;
  return {a.name, count, a.columns, {first, first + count * a.columns}};
}

}  // namespace lockstep::train
