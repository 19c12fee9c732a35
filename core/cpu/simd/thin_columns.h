#pragma once

#include <cstdint>

#include "core/cpu/simd/columns.h"

// The products of core/cpu/simd/columns.h where the other factor has so few rows that packing does not pay,
// as with one channel in a group: columns are read where they lie. On one thread. d and c have m rows, which
// lie `stride` apart, with a number for each column; those of a lie `a_stride` apart.
namespace lockstep::cpu {

// c = a b + bias: a (m, k), bias (m) or null.
template <typename T>
void thin_product(std::int64_t m, const T* a, std::int64_t a_stride, const Columns<const T>& b, const T* bias,
                  T* c, std::int64_t stride);

// b += a^T d, with elements of b that may be one in memory.
template <typename T>
void thin_add(std::int64_t m, const Columns<T>& b, const T* a, std::int64_t a_stride, const T* d,
              std::int64_t stride);

// a = d b^T (+ a if accumulate): (m, k).
template <typename T>
void thin_gradient(std::int64_t m, const Columns<const T>& b, const T* d, std::int64_t stride,
                   bool accumulate, T* a, std::int64_t a_stride);

}  // namespace lockstep::cpu
