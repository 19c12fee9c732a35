#pragma once

#include <cstdint>
#include <string_view>

#include "core/processor.h"

namespace lockstep::cpu {

// c = alpha op(a) op(b) + beta c (+ bias (n) in every row, where not null), row-major; op(a) is (m, k), op(b)
// is (k, n), c is (m, n). op transposes where asked to; the leading dimensions count elements from row to row
// as stored. T is float or double. Any size may be 0; with beta = 0, c is not read. By OpenBLAS, or our own
// kernel where that is faster. Large products run on this thread's Threads (core/runtime/parallel.h); the
// bits do not depend on their number.
template <typename T>
void gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, const T* a,
          std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc,
          const T* bias = nullptr);

// Who computes such a product on this processor: "OpenBLAS" or "own kernel".
std::string_view product_by(std::int64_t m, std::int64_t n, std::int64_t k);

// A matrix and the distance in elements to the next one of a batch; 0: the same for all.
template <typename T>
struct MatrixBatch {
  T* data;
  std::int64_t leading, stride;
};

// c[i] = alpha op(a[i]) op(b[i]) + beta c[i] for i < batch. The matrices c[i] must not overlap.
template <typename T>
void gemm_batched_strided(std::int64_t batch, bool trans_a, bool trans_b, std::int64_t m, std::int64_t n,
                          std::int64_t k, T alpha, MatrixBatch<const T> a, MatrixBatch<const T> b, T beta,
                          MatrixBatch<T> c);

const BlasInfo& blas_info();

}  // namespace lockstep::cpu
