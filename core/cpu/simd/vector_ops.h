#pragma once

#include <cstdint>

// Sums over contiguous memory, f32 and f64. Results do not depend on the number of threads.
namespace lockstep::cpu {

// sums += the sum of the rows of x, (rows, width): the gradient of a bias.
template <typename T>
void column_sum(T* sums, const T* x, std::int64_t rows, std::int64_t width);

// sum(a b), formed in f64.
template <typename T>
double dot(const T* a, const T* b, std::int64_t n);

// sum(x^2), formed in f64.
template <typename T>
double sum_of_squares(const T* x, std::int64_t n);

}  // namespace lockstep::cpu
