#pragma once

#include <cblas.h>

#include <string>
#include <string_view>

#include "core/cpu/blas.h"

namespace lockstep::cpu {

// OpenBLAS as loaded at run time: on one thread (Lockstep has its own), with the best kernel, checked.
struct OpenBlas {
  decltype(&cblas_sgemm) sgemm = nullptr;
  decltype(&cblas_dgemm) dgemm = nullptr;
  decltype(&cblas_sgemv) sgemv = nullptr;
  decltype(&cblas_dgemv) dgemv = nullptr;
  // Whether some columns of a product have the same bits as the same columns of the whole. Not so for the
  // first and last 8 columns in the Haswell kernels, which Zen shares.
  bool columns_round_alike = true;
  BlasInfo info;
};

// Loads it at the first call. Throws if there is none, or none that computes rightly.
const OpenBlas& openblas();

}  // namespace lockstep::cpu
