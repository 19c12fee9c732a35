#pragma once

#include <cstdint>

// Sums and products of contiguous memory, f32 and f64. Results do not depend on the number of threads.
namespace lockstep::cpu {

// y = a + b; y may be a or b.
template <typename T>
void add(T* y, const T* a, const T* b, std::int64_t n);

// y += factor x
template <typename T>
void accumulate(T* y, const T* x, std::int64_t n, double factor = 1);

// y = factor x; y may be x.
template <typename T>
void scale(T* y, const T* x, double factor, std::int64_t n);

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
