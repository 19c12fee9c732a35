// Matrix products, one gemm for every run of pairs of matrices with even steps between them.
#include "core/cuda/blas.h"
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/tile_product.h"
#include "core/strided.h"

namespace lockstep::cuda {

namespace {

// y = alpha a b + beta c (+ bias), for k > 0; c undefined: without it, else with y's strides.
template <typename T>
void multiply(const Tensor& y, const Tensor& a, const Tensor& b, T alpha, const Tensor& c, T beta,
              const Tensor& bias) {
  const std::int64_t m = y.size(-2), n = y.size(-1), k = a.size(-1);
  const MatrixLayout of_a(a), of_b(b);
  const std::int64_t leading_y = std::max<std::int64_t>(y.strides()[y.rank() - 2], n);
  const Tensor ys = first_of_each_matrix(y), as = first_of_each_matrix(a), bs = first_of_each_matrix(b);
  const Strided<3> pairs(ys.shape(), {&ys, &as, &bs});
  const auto inner = static_cast<std::size_t>(pairs.rank - 1);
  const auto [step_y, step_a, step_b] = pairs.strides[inner];
  const T *const addend = on_device<T>(c), *const biases = adds_bias<T>() ? on_device<T>(bias) : nullptr;
  // The dimensions of the batch but the last, as one loop.
  std::int64_t outer = 1;
  for (std::size_t d = 0; d < inner; ++d) outer *= pairs.sizes[d];
  for (std::int64_t i = 0; i < outer; ++i) {
    Strided<3>::Strides at{};
    std::int64_t left = i;
    for (std::size_t d = inner; d-- > 0; left /= pairs.sizes[d]) {
      for (std::size_t t = 0; t < 3; ++t) at[t] += left % pairs.sizes[d] * pairs.strides[d][t];
    }
    const Matrices<const T> from_a{on_device<T>(a) + at[1], of_a.transposed, of_a.leading, step_a},
        from_b{on_device<T>(b) + at[2], of_b.transposed, of_b.leading, step_b};
    const Matrices<T> to{on_device<T>(y) + at[0], false, leading_y, step_y};
    const std::int64_t count = pairs.sizes[inner];
    const Addend<T> plus{alpha, addend == nullptr ? nullptr : addend + at[0], addend == nullptr ? 0 : beta};
    if (!(from_a.transposed && from_b.transposed) && suits_tile_product<T>(count, m, n, k)) {
      if constexpr (std::is_same_v<T, float>)
        tile_product(count, m, n, k, from_a, from_b, to, {.addend = plus, .bias = biases});
    } else {
      gemm<T>(count, m, n, k, from_a, from_b, to, plus, biases);
    }
  }
  if (bias.defined() && biases == nullptr) kernels(y).binary(BinaryOp::add, y, y, bias);
}

// A product of two matrices by tile_product, which finishes it on the way. False: it does not take them.
bool by_tiles(const Tensor& y, const Tensor& a, const Tensor& b, const Finish& finish) {
  const std::int64_t m = y.size(0), n = y.size(1), k = a.size(1);
  if (y.numel() == 0 || k == 0 || !suits_tile_product<float>(1, m, n, k)) return false;
  const MatrixLayout of_a(a), of_b(b);
  if (of_a.transposed || of_b.transposed != (finish.slope != nullptr)) return false;
  tile_product(1, m, n, k, {on_device<float>(a), false, of_a.leading, 0},
               {on_device<float>(b), of_b.transposed, of_b.leading, 0}, {on_device<float>(y), false, n, 0},
               finish);
  return true;
}

}  // namespace

void CudaKernels::matmul(const Tensor& y, const Tensor& a, const Tensor& b, bool accumulate,
                         const Tensor& bias) const {
  if (y.numel() == 0) return;
  if (a.size(-1) == 0) {
    if (!accumulate) fill(y, 0);
    if (bias.defined()) binary(BinaryOp::add, y, y, bias);
    return;
  }
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    multiply<T>(y, a, b, 1, accumulate ? y : Tensor(), 1, bias);
  });
}

void CudaKernels::matmul_plus(const Tensor& y, const Tensor& a, const Tensor& b, double alpha,
                              const Tensor& c, double beta, const Tensor& bias) const {
  if (y.numel() == 0 || a.size(-1) == 0) return Kernels::matmul_plus(y, a, b, alpha, c, beta, bias);
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    multiply<T>(y, a, b, static_cast<T>(alpha), c, static_cast<T>(beta), bias);
  });
}

void CudaKernels::matmul_gelu(const Tensor& y, const Tensor& slope, const Tensor& a, const Tensor& b,
                              const Tensor& bias, Gelu form) const {
  if (form != Gelu::exact || y.dtype() != DType::f32 ||
      !by_tiles(y, a, b, {.bias = on_device<float>(bias), .slope = on_device<float>(slope)}))
    Kernels::matmul_gelu(y, slope, a, b, bias, form);
}

void CudaKernels::matmul_times(const Tensor& y, const Tensor& a, const Tensor& b,
                               const Tensor& factor) const {
  if (y.dtype() != DType::f32 || !by_tiles(y, a, b, {.times = on_device<float>(factor)}))
    Kernels::matmul_times(y, a, b, factor);
}

}  // namespace lockstep::cuda
