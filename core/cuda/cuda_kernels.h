#pragma once

#include "core/kernels.h"

namespace lockstep::cuda {

// Throws: a kernel for `expected` was given x, an error of this library.
[[noreturn]] void fail_on_type(const Tensor& x, DType expected);

// x's elements in device memory; null if it is undefined.
template <typename T>
T* on_device(const Tensor& x) {
  if (!x.defined()) return nullptr;
  if (x.device() != Device::cuda || x.dtype() != dtype_of<T>()) fail_on_type(x, dtype_of<T>());
  return static_cast<T*>(x.address());
}

// The kernel contract on an NVIDIA GPU. Each family of kernels has its file beside this one.
class CudaKernels final : public Kernels {
 public:
  void arange(const Tensor& y) const override;
  void tril(const Tensor& mask, std::int64_t diagonal) const override;
  void bernoulli(const Tensor& y, const KeyedStream& stream, double probability, double value) const override;
  void check_range(const char* what, const Tensor& index, std::int64_t size,
                   std::optional<std::int64_t> ignore) const override;
  void fill(const Tensor& y, double value) const override;
  void copy(const Tensor& y, const Tensor& x) const override;
  void unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const override;
  void binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const override;
  void compare(CompareOp op, const Tensor& y, const Tensor& a, const Tensor& b) const override;
  void where(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) const override;
  void reduce(ReduceOp op, const Tensor& y, const Tensor& x) const override;
  void cumsum(const Tensor& y, const Tensor& x, int dim) const override;
  void matmul(const Tensor& y, const Tensor& a, const Tensor& b, bool accumulate,
              const Tensor& bias) const override;
  void matmul_plus(const Tensor& y, const Tensor& a, const Tensor& b, double alpha, const Tensor& c,
                   double beta, const Tensor& bias) const override;
  void matmul_gelu(const Tensor& y, const Tensor& slope, const Tensor& a, const Tensor& b, const Tensor& bias,
                   Gelu form) const override;
  void matmul_times(const Tensor& y, const Tensor& a, const Tensor& b, const Tensor& factor) const override;
  void arg_extreme(const Tensor& y, const Tensor& x, int dim, bool largest) const override;
  void argsort(const Tensor& y, const Tensor& x, int dim, bool descending) const override;
  void take_rows(const Tensor& y, const Tensor& table, const Tensor& index) const override;
  void add_rows(const Tensor& table, const Tensor& x, const Tensor& index) const override;
  void gather(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const override;
  void scatter_add(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const override;
  void layer_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                  const Tensor& weight, const Tensor& bias, double eps) const override;
  void layer_norm_backward(const Target& dx, const Target& dweight, const Target& dbias, const Tensor& dy,
                           const Tensor& x, const Tensor& mean, const Tensor& rstd,
                           const Tensor& weight) const override;
  void gelu_and_slope(const Tensor& y, const Tensor& slope, const Tensor& x, Gelu form) const override;
  void weight_gradient(const Target& dweight, const Target& dbias, const Tensor& dy,
                       const Tensor& x) const override;
  void cross_entropy(const Tensor& loss, const Tensor& lse, const Tensor& x, const Tensor& target,
                     std::int64_t ignore, double smoothing) const override;
  void mean_of_counted(const Tensor& mean, const Tensor& share, const Tensor& loss, const Tensor& target,
                       std::int64_t ignore) const override;
  void cross_entropy_backward(const Tensor& dx, const Tensor& dloss, const Tensor& x, const Tensor& lse,
                              const Tensor& target, std::int64_t ignore, double smoothing) const override;
  bool fuses_attention(std::int64_t query_width, std::int64_t value_width) const override;
  void attention(const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k, const Tensor& v,
                 const AttentionScores& scores) const override;
  void attention_backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& dy,
                          const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                          const Tensor& v, const AttentionScores& scores) const override;
  void update(const UpdateRule& rule, std::span<const UpdateTensors> tensors,
              const Tensor& only_if_finite) const override;
  void sums_of_squares(const Tensor& y, std::span<const Tensor> x) const override;
};

}  // namespace lockstep::cuda
