#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/runtime/observer.h"

// What computes on this machine's processor, and how fast it could: for benchmarks, and for records of where
// a number comes from.
namespace lockstep {

// Which OpenBLAS computes the products, with which kernel, and why.
struct BlasInfo {
  std::string library;      // its file
  std::string config;       // as it describes itself
  std::string core_chosen;  // the kernel it came up with: its own pick unless a variable asks for one
  std::string core;         // the kernel in use
  std::string why;          // one sentence, with the variables that had a say
  int threads = 1;          // its own; more than 1 only in a process that had loaded it before
  double milliseconds = 0;  // to load and check it
};

// Loads it at the first call; throws Error if there is none that computes rightly.
const BlasInfo& blas_info();

// Who computes an (m, k) x (k, n) product here: "OpenBLAS" or "own kernel".
std::string_view product_by(std::int64_t m, std::int64_t n, std::int64_t k);

// The product alone, without an op around it: c (count, m, n) = op(a) op(b) (+ c), all dense; op(a) is (m,
// k), op(b) is (k, n), stored transposed where the product says so. T is float or double.
template <typename T>
void multiply(const Product& product, const T* a, const T* b, T* c);

// The floating-point operations per second that this thread's core reaches with fused multiply-adds on
// registers alone, the widest vectors it has: what no product can pass. T is float or double. Takes 5 ms.
template <typename T>
double peak_flops();

// The vector instructions that Lockstep's kernels use on this processor: "AVX3" (AVX-512), "AVX2", ...
std::string vector_target();

}  // namespace lockstep
