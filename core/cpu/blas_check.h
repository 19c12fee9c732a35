#pragma once

#include <functional>
#include <string>

namespace lockstep::cpu {

// c = alpha op(a) op(b) + beta c, row-major, as in gemm (core/cpu/blas.h).
template <typename T>
using Product = std::function<void(bool trans_a, bool trans_b, int m, int n, int k, T alpha, const T* a,
                                   int lda, const T* b, int ldb, T beta, T* c, int ldc)>;

// Compares products of many shapes, transposed or not, with a plain loop; the numbers are small integers, so
// that every order of summation gives the same bits. Says what is wrong; empty: nothing. Takes about 1 ms.
// Why at all: old OpenBLAS kernels compute wrongly on some newer processors.
template <typename T>
std::string find_wrong_product(const Product<T>& product);

}  // namespace lockstep::cpu
