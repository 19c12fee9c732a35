#pragma once

#include "core/formulas.h"
#include "core/tensor.h"

namespace lockstep {

enum class ReduceOp : std::uint8_t { sum, max, min, prod };

// The kernel contract: what a device must be able to compute. Outputs come first and are allocated by the op;
// kernels never allocate tensors, check no shapes (ops do) and record nothing. Unless said, tensors may have
// any strides.
class Kernels {
 public:
  virtual ~Kernels() = default;

  // y = value
  virtual void fill(const Tensor& y, double value) const = 0;
  // y = x, converted to y's element type. Same shapes.
  virtual void copy(const Tensor& y, const Tensor& x) const = 0;
  // y = f(x; a, b). Same shapes; y may be x.
  virtual void unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const = 0;
  // y = f(a, b), a and b broadcast to y's shape; y may be a or b.
  virtual void binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const = 0;
  // y = condition ? a : b; condition u8, all broadcast to y's shape.
  virtual void where(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) const = 0;
  // y = reduction of x over the dimensions where y has size 1 and x has not. Same ranks. Sums of f32 are
  // formed in f64.
  virtual void reduce(ReduceOp op, const Tensor& y, const Tensor& x) const = 0;
  // y = a b (+ y if accumulate): (..., m, k) x (..., k, n) -> (..., m, n). Leading dimensions of a and b
  // broadcast. One of the last two strides of each is 1; y's last stride is 1.
  virtual void matmul(const Tensor& y, const Tensor& a, const Tensor& b, bool accumulate) const = 0;
  // y[i, :] = table[index[i], :]; contiguous, index i64.
  virtual void take_rows(const Tensor& y, const Tensor& table, const Tensor& index) const = 0;
  // table[index[i], :] += x[i, :], in the order of i; contiguous.
  virtual void add_rows(const Tensor& table, const Tensor& x, const Tensor& index) const = 0;
};

// The kernels of x's device.
const Kernels& kernels(const Tensor& x);

}  // namespace lockstep
