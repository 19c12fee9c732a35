#pragma once

#include <cstdint>
#include <tuple>
#include <type_traits>

#include "core/runtime/tf32.h"

namespace lockstep::cuda {

// A batch of row-major matrices: matrix i starts at data + i stride, its rows (columns, if transposed) are
// `leading` apart.
template <typename T>
struct Matrices {
  T* data;
  bool transposed;
  std::int64_t leading, stride;
  auto fields() const { return std::tie(data, transposed, leading, stride); }
};

// What a product is added to, laid out as the result, which it may be: (factor) op(a) op(b) + share data.
// Null data: nothing.
template <typename T>
struct Addend {
  T factor = 1;  // of the product
  const T* data = nullptr;
  T share = 0;
  auto fields() const { return std::tie(factor, data, share); }
};

// c = factor op(a) op(b) (+ share addend) (+ bias (n) to every row, if not null) for `count` matrices; op(a)
// (m, k), op(b) (k, n), c not transposed. On this thread's stream, by cuBLASLt. Which of its algorithms runs
// is looked up once for each request of its kind, and each adds up in a fixed order: the bits depend neither
// on what else runs nor on what ran before.
template <typename T>
void gemm(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k, const Matrices<const T>& a,
          const Matrices<const T>& b, const Matrices<T>& c, const Addend<T>& addend, const T* bias);

// Whether products of this type may round their factors (core/runtime/tf32.h).
template <typename T>
bool rounds_to_tf32() {
  return std::is_same_v<T, float> && AllowTf32::is_allowed();
}

// Whether the library adds a bias to products of this type while it stores them.
template <typename T>
bool adds_bias();

}  // namespace lockstep::cuda
