#include "core/cpu/blas_check.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace lockstep::cpu {

namespace {

struct Shape {
  int m, n, k;
};

// Vectors and edges of kernels; each dimension beyond its block in the kernels (a few hundred); and one above
// 100^3, up to where OpenBLAS uses its kernels for small matrices.
constexpr Shape shapes[] = {{1, 1, 1},   {1, 37, 19}, {41, 1, 23},  {2, 3, 500},   {3, 600, 5},
                            {700, 4, 3}, {16, 16, 8}, {33, 47, 29}, {67, 21, 130}, {101, 103, 107}};

template <typename T>
std::vector<T> small_integers(int count, std::uint32_t seed) {
  std::vector<T> values(count);
  for (T& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<T>(static_cast<int>(seed >> 29) - 3);
  }
  return values;
}

// (columns, rows) with `extra` unused columns at the end of each row.
template <typename T>
std::vector<T> padded(const std::vector<T>& x, int rows, int columns, int extra, bool transposed) {
  const int out_rows = transposed ? columns : rows, out_columns = transposed ? rows : columns;
  std::vector<T> y(static_cast<std::size_t>(out_rows) * (out_columns + extra),
                   std::numeric_limits<T>::quiet_NaN());
  for (int i = 0; i < out_rows; ++i) {
    for (int j = 0; j < out_columns; ++j) {
      y[i * (out_columns + extra) + j] = transposed ? x[j * columns + i] : x[i * columns + j];
    }
  }
  return y;
}

}  // namespace

template <typename T>
std::string find_wrong_product(const Product<T>& product) {
  constexpr int extra = 3;  // leading dimensions larger than the rows
  for (const auto& [m, n, k] : shapes) {
    const std::vector<T> a = small_integers<T>(m * k, 1), b = small_integers<T>(k * n, 2),
                         c = small_integers<T>(m * n, 3);
    std::vector<T> ab(static_cast<std::size_t>(m) * n);
    for (int i = 0; i < m; ++i) {
      for (int l = 0; l < k; ++l) {
        for (int j = 0; j < n; ++j) ab[i * n + j] += a[i * k + l] * b[l * n + j];
      }
    }
    const std::vector<T> layouts_a[] = {padded(a, m, k, extra, false), padded(a, m, k, extra, true)};
    const std::vector<T> layouts_b[] = {padded(b, k, n, extra, false), padded(b, k, n, extra, true)};
    for (int variant = 0; variant < 8; ++variant) {
      const bool trans_a = (variant & 1) != 0, trans_b = (variant & 2) != 0, accumulate = (variant & 4) != 0;
      const T alpha = accumulate ? 2 : 1, beta = accumulate ? 1 : 0;
      // With beta = 0 the old numbers must not be read: they may be anything.
      std::vector<T> y(static_cast<std::size_t>(m) * (n + extra), std::numeric_limits<T>::quiet_NaN());
      if (accumulate) y = padded(c, m, n, extra, false);
      product(trans_a, trans_b, m, n, k, alpha, layouts_a[trans_a].data(), (trans_a ? m : k) + extra,
              layouts_b[trans_b].data(), (trans_b ? k : n) + extra, beta, y.data(), n + extra);
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
          const T expected = alpha * ab[i * n + j] + (accumulate ? c[i * n + j] : 0);
          const T got = y[i * (n + extra) + j];
          if (got != expected) {
            return fmt::format(
                "f{} product ({}, {}){} x ({}, {}){}, beta {}: element ({}, {}) is {} instead of {}",
                8 * sizeof(T), m, k, trans_a ? " transposed" : "", k, n, trans_b ? " transposed" : "", beta,
                i, j, got, expected);
          }
        }
      }
    }
  }
  return {};
}

template std::string find_wrong_product<float>(const Product<float>& product);
template std::string find_wrong_product<double>(const Product<double>& product);

}  // namespace lockstep::cpu
