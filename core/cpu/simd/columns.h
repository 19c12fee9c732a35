#pragma once

#include <cstdint>
#include <span>

#include "core/cpu/simd/product.h"

// Matrix products with the columns of a convolution: a row for every element of a window, a column for every
// window. Columns are read from where they lie in x, never stored as a whole. Needs has_product(). The bits
// depend neither on the number of threads nor on the vectors' width.
namespace lockstep::cpu {

// Columns [column, column + count): element i of them is `from + i` away from where a row begins.
struct Run {
  std::int64_t from, column, count;
};

// A matrix: number (r, j) is data[rows[r] + j's place], where columns lie in runs, in order and without a
// gap.
template <typename T>
struct Columns {
  T* data;
  std::span<const std::int64_t> rows;
  std::span<const Run> runs;

  std::int64_t count() const { return runs.back().column + runs.back().count; }
};

// c = a b + bias (m) in every column, where not null: a (m, k), b (k, n), c (m, n) with rows `leading` apart.
template <typename T>
void product_with_columns(std::int64_t m, Factor<T> a, const Columns<const T>& b, const T* bias, T* c,
                          std::int64_t leading);

// b += a^T d: a (m, k) contiguous, d (m, n), b (k, n). Elements of b may be one in memory, and take the sum
// of all, unless in two different of the groups of `group` rows that b consists of. `distinct`: no element is
// another one; b is then written, not added to.
template <typename T>
void add_to_columns(const Columns<T>& b, std::int64_t group, bool distinct, const T* a,
                    const Columns<const T>& d);

// c = b d^T (+ c if accumulate): b (k, n), d (m, n) with rows at equal distances, c (k, m) contiguous.
template <typename T>
void product_of_columns(const Columns<const T>& b, const Columns<const T>& d, bool accumulate, T* c);

}  // namespace lockstep::cpu
