#include "core/cpu/blas.h"

#include <dlfcn.h>

#include <cstdlib>
namespace lockstep::cpu {
namespace {
using S = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*,
                   int);
using D = void (*)(int, int, int, int, int, int, double, const double*, int, const double*, int, double,
                   double*, int);
void* lib() {
  static void* h = (setenv("OPENBLAS_NUM_THREADS", "1", 1), dlopen("libopenblas.so.0", RTLD_NOW));
  return h;
}
}  // namespace
template <typename T>
void gemm(bool ta, bool tb, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, const T* a,
          std::int64_t lda, const T* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
  if (m == 0 || n == 0) return;
  auto call = [&](auto f) {
    f(101, ta ? 112 : 111, tb ? 112 : 111, int(m), int(n), int(k), alpha, a, int(lda), b, int(ldb), beta, c,
      int(ldc));
  };
  if constexpr (sizeof(T) == 4) {
    static S f = (S)dlsym(lib(), "cblas_sgemm");
    call(f);
  } else {
    static D f = (D)dlsym(lib(), "cblas_dgemm");
    call(f);
  }
}
template void gemm<float>(bool, bool, std::int64_t, std::int64_t, std::int64_t, float, const float*,
                          std::int64_t, const float*, std::int64_t, float, float*, std::int64_t);
template void gemm<double>(bool, bool, std::int64_t, std::int64_t, std::int64_t, double, const double*,
                           std::int64_t, const double*, std::int64_t, double, double*, std::int64_t);
}  // namespace lockstep::cpu
