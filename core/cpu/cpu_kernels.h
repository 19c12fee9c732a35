#pragma once

#include "core/kernels.h"

namespace lockstep::cpu {

// The kernel contract on a CPU. Each family of kernels has its file beside this one.
class CpuKernels final : public Kernels {
 public:
  void fill(const Tensor& y, double value) const override;
  void copy(const Tensor& y, const Tensor& x) const override;
  void unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const override;
  void binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const override;
  void where(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) const override;
  void reduce(ReduceOp op, const Tensor& y, const Tensor& x) const override;
  void matmul(const Tensor& y, const Tensor& a, const Tensor& b, bool accumulate) const override;
  void take_rows(const Tensor& y, const Tensor& table, const Tensor& index) const override;
  void add_rows(const Tensor& table, const Tensor& x, const Tensor& index) const override;
};

}  // namespace lockstep::cpu
