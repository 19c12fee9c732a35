// Matrix products, one gemm per pair of matrices in the batch; threads share the batch, or else each product.
#include "core/cpu/blas.h"
#include "core/cpu/cpu_kernels.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

void CpuKernels::matmul(const Tensor& y, const Tensor& a, const Tensor& b, bool accumulate,
                        const Tensor& bias) const {
  const std::int64_t m = y.size(-2), n = y.size(-1), k = a.size(-1);
  const MatrixLayout of_a(a), of_b(b);
  const std::int64_t leading_y = std::max<std::int64_t>(y.strides()[y.rank() - 2], n);
  const Tensor ys = first_of_each_matrix(y), as = first_of_each_matrix(a), bs = first_of_each_matrix(b);
  constexpr double least_share = 1.1e6;  // multiplications of a thread, about 10 us
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) + 1;
  const std::int64_t grain = static_cast<std::int64_t>(least_share / work) + 1;
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    Nest<3>(ys.shape(), {&ys, &as, &bs})
        .for_each_run([&](std::int64_t count, const auto& offset, const auto& stride) {
          const auto multiply = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) {
              gemm<T>(of_a.transposed, of_b.transposed, m, n, k, T(1),
                      a.data<T>() + offset[1] + i * stride[1], of_a.leading,
                      b.data<T>() + offset[2] + i * stride[2], of_b.leading, accumulate ? T(1) : T(0),
                      y.data<T>() + offset[0] + i * stride[0], leading_y,
                      bias.defined() ? bias.data<T>() : nullptr);
            }
          };
          if (count < Threads::count()) return multiply(0, count);
          parallel_for(count, grain, multiply);
        });
  });
}

}  // namespace lockstep::cpu
