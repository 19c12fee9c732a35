#include "core/cpu/blas.h"

#include <algorithm>
#include <limits>

#include "core/cpu/openblas.h"
#include "core/cpu/simd/product.h"
#include "core/error.h"
#include "core/runtime/observer.h"
#include "core/runtime/parallel.h"

namespace lockstep::cpu {

namespace {

CBLAS_TRANSPOSE order(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

int to_int(std::int64_t size) {
  check(size <= std::numeric_limits<int>::max(), "[gemm] BLAS counts in 32 bits: {} is too much", size);
  return static_cast<int>(size);
}

// One product on one thread.
template <typename T>
void call_gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha,
               const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
  const OpenBlas& blas = openblas();
  const auto call = [&](auto* gemm) {
    gemm(CblasRowMajor, order(trans_a), order(trans_b), to_int(m), to_int(n), to_int(k), alpha, a,
         to_int(lda), b, to_int(ldb), beta, c, to_int(ldc));
  };
  if constexpr (sizeof(T) == 4) {
    call(blas.sgemm);
  } else {
    call(blas.dgemm);
  }
}

// y = alpha op(a) x + beta y for a (rows, columns) matrix as stored.
template <typename T>
void call_gemv(bool trans_a, std::int64_t rows, std::int64_t columns, T alpha, const T* a, std::int64_t lda,
               const T* x, std::int64_t x_stride, T beta, T* y, std::int64_t y_stride) {
  const OpenBlas& blas = openblas();
  if (beta == T(0)) {  // gemv would multiply what is there, and 0 times NaN is NaN
    for (std::int64_t i = 0; i < (trans_a ? columns : rows); ++i) y[i * y_stride] = 0;
    beta = T(1);
  }
  const auto call = [&](auto* gemv) {
    gemv(CblasRowMajor, order(trans_a), to_int(rows), to_int(columns), alpha, a, to_int(lda), x,
         to_int(x_stride), beta, y, to_int(y_stride));
  };
  if constexpr (sizeof(T) == 4) {
    call(blas.sgemv);
  } else {
    call(blas.dgemv);
  }
}

// c = beta c
template <typename T>
void scale(std::int64_t m, std::int64_t n, T beta, T* c, std::int64_t ldc) {
  for (std::int64_t i = 0; i < m; ++i) {
    T* const row = c + i * ldc;
    std::transform(row, row + n, row, [&](T value) { return beta == T(0) ? T(0) : beta * value; });
  }
}

// A thread's share of a product, in multiplications. Above 100^3 OpenBLAS leaves its kernels for small
// matrices, which add in another order: no share is smaller, so that the bits do not depend on the split. It
// takes about 10 us, some times the cost of a parallel_for.
constexpr double least_share = 1.1e6;

// Measured on a Zen 4 core, f32, in the layers of models from a width of 64 to 4096: as a rule 10 % faster
// than OpenBLAS, with AVX-512 and with AVX2. Below this range packing does not pay.
bool by_own_kernel(std::int64_t m, std::int64_t n, std::int64_t k) {
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  return has_product() && m >= 8 && n >= 8 && k >= 8 && work >= 5e4;
}

}  // namespace

std::string_view product_by(std::int64_t m, std::int64_t n, std::int64_t k) {
  return by_own_kernel(m, n, k) ? "own kernel" : "OpenBLAS";
}

template <typename T>
void gemm(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, const T* a,
          std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc, const T* bias) {
  if (m == 0 || n == 0) return;
  if (Observer* const observer = Observer::current())
    observer->product({1, trans_a, trans_b, m, n, k, beta != T(0)});
  if (by_own_kernel(m, n, k) && alpha == T(1) && (beta == T(0) || beta == T(1))) {
    const Factor<T> left{a, trans_a ? 1 : lda, trans_a ? lda : 1},
        right{b, trans_b ? 1 : ldb, trans_b ? ldb : 1};
    return product(m, n, k, left, right, beta == T(1), c, ldc, bias);
  }
  if (bias != nullptr) {
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        c[i * ldc + j] = bias[j] + (beta == T(0) ? T(0) : beta * c[i * ldc + j]);
    beta = T(1);
  }
  if (k == 0 || alpha == T(0)) return scale(m, n, beta, c, ldc);
  if (n == 1) {
    return call_gemv(trans_a, trans_a ? k : m, trans_a ? m : k, alpha, a, lda, b, trans_b ? 1 : ldb, beta, c,
                     ldc);
  }
  if (m == 1) {  // c^T = op(b)^T op(a)^T
    return call_gemv(!trans_b, trans_b ? n : k, trans_b ? k : n, alpha, b, ldb, a, trans_a ? lda : 1, beta, c,
                     std::int64_t{1});
  }

  // The longer side of c in stripes that are full register tiles of every kernel, because narrower tiles at
  // an edge may round in another way. What is left of the rows goes with the last stripe; columns are split
  // only if they are full tiles to the end.
  const bool by_rows = m >= n || n % 16 != 0 || !openblas().columns_round_alike;
  const std::int64_t size = by_rows ? m : n, stripe = by_rows ? 24 : 48;
  const std::int64_t stripes = std::max<std::int64_t>(size / stripe, 1);
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const auto grain = static_cast<std::int64_t>(least_share / work * static_cast<double>(stripes)) + 1;
  parallel_for(stripes, grain, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = first * stripe, count = (last == stripes ? size : last * stripe) - begin;
    if (by_rows) {
      call_gemm(trans_a, trans_b, count, n, k, alpha, a + begin * (trans_a ? 1 : lda), lda, b, ldb, beta,
                c + begin * ldc, ldc);
    } else {
      call_gemm(trans_a, trans_b, m, count, k, alpha, a, lda, b + begin * (trans_b ? ldb : 1), ldb, beta,
                c + begin, ldc);
    }
  });
}

template <typename T>
void gemm_batched_strided(std::int64_t batch, bool trans_a, bool trans_b, std::int64_t m, std::int64_t n,
                          std::int64_t k, T alpha, MatrixBatch<const T> a, MatrixBatch<const T> b, T beta,
                          MatrixBatch<T> c) {
  if (batch > 1 && b.stride == 0 && !trans_a && a.stride == m * a.leading && c.stride == m * c.leading) {
    m *= batch;  // the rows of all make one tall product
    batch = 1;
  }
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      gemm<T>(trans_a, trans_b, m, n, k, alpha, a.data + i * a.stride, a.leading, b.data + i * b.stride,
              b.leading, beta, c.data + i * c.stride, c.leading);
    }
  };
  if (batch < Threads::count()) return run(0, batch);  // each product is split instead
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) + 1;
  parallel_for(batch, static_cast<std::int64_t>(least_share / work) + 1, run);
}

template void gemm<float>(bool, bool, std::int64_t, std::int64_t, std::int64_t, float, const float*,
                          std::int64_t, const float*, std::int64_t, float, float*, std::int64_t,
                          const float*);
template void gemm<double>(bool, bool, std::int64_t, std::int64_t, std::int64_t, double, const double*,
                           std::int64_t, const double*, std::int64_t, double, double*, std::int64_t,
                           const double*);
template void gemm_batched_strided<float>(std::int64_t, bool, bool, std::int64_t, std::int64_t, std::int64_t,
                                          float, MatrixBatch<const float>, MatrixBatch<const float>, float,
                                          MatrixBatch<float>);
template void gemm_batched_strided<double>(std::int64_t, bool, bool, std::int64_t, std::int64_t, std::int64_t,
                                           double, MatrixBatch<const double>, MatrixBatch<const double>,
                                           double, MatrixBatch<double>);

}  // namespace lockstep::cpu
