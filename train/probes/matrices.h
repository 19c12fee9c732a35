#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/parameter.h"

namespace lockstep::train {

// Numbers by row.
struct Matrix {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;
};

// The weight matrices of attention, whatever their storage, layer by layer: "blocks.0.attn.q", .k, .v and
// .out_proj.
enum class Of { weights, gradients };
std::vector<Matrix> attention_matrices(const ParameterList& parameters, Of what);
// The layers' names, "blocks.0.attn"; the matrix of one of them. Throws where it has none of that name.
std::vector<std::string> attention_layers(std::span<const Matrix> matrices);
const Matrix& matrix_of(std::span<const Matrix> matrices, const std::string& layer, const std::string& part);
// How many heads the matrices of the layer have.
std::int64_t heads_of(const ParameterList& parameters);

double frobenius_norm(const Matrix& a);
// By power iteration on A^T A, to six digits or better.
double largest_singular_value(const Matrix& a);

Matrix transposed(const Matrix& a);
Matrix product(const Matrix& a, const Matrix& b);
// Rows [begin, begin + count).
Matrix row_block(const Matrix& a, std::int64_t begin, std::int64_t count);

}  // namespace lockstep::train
