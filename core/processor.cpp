#include "core/processor.h"

#include "core/cpu/blas.h"
#include "core/cpu/peak.h"

namespace lockstep {

const BlasInfo& blas_info() { return cpu::blas_info(); }

std::string_view product_by(std::int64_t m, std::int64_t n, std::int64_t k) {
  return cpu::product_by(m, n, k);
}

template <typename T>
void multiply(const Product& p, const T* a, const T* b, T* c) {
  cpu::gemm_batched_strided<T>(p.count, p.trans_a, p.trans_b, p.m, p.n, p.k, T(1),
                               {a, p.trans_a ? p.m : p.k, p.m * p.k}, {b, p.trans_b ? p.k : p.n, p.k * p.n},
                               T(p.accumulate ? 1 : 0), {c, p.n, p.m * p.n});
}
template void multiply(const Product&, const float*, const float*, float*);
template void multiply(const Product&, const double*, const double*, double*);

template <typename T>
double peak_flops() {
  return cpu::peak_flops<T>();
}
template double peak_flops<float>();
template double peak_flops<double>();

std::string vector_target() { return cpu::vector_target(); }

}  // namespace lockstep
