#pragma once

#include <cstdint>

// Rows of numbers, `to_row` and `from_row` apart.
namespace lockstep::cpu {

// to[r][i] = from[r][i step]
template <typename T>
void gather_rows(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t step,
                 std::int64_t rows, std::int64_t count);

// to[r][i step] = from[r][i] (+ to[r][i step] if accumulate)
template <typename T>
void scatter_rows(T* to, std::int64_t to_row, std::int64_t step, const T* from, std::int64_t from_row,
                  std::int64_t rows, std::int64_t count, bool accumulate);

// The sum of all, formed in f64.
template <typename T>
double sum_of_rows(const T* from, std::int64_t from_row, std::int64_t rows, std::int64_t count);

// to (columns, rows) = from (rows, columns)^T (+ to if accumulate), both contiguous.
template <typename T>
void transpose_to(T* to, const T* from, std::int64_t rows, std::int64_t columns, bool accumulate);

}  // namespace lockstep::cpu
