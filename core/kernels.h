#pragma once

#include <array>
#include <optional>
#include <span>

#include "core/formulas.h"
#include "core/rules.h"
#include "core/target.h"
#include "core/tensor.h"

namespace lockstep {

class ConvKernels;  // core/conv_kernels.h
class KeyedStream;  // core/random/keyed_stream.h

// What a reduction makes of the elements it takes together.
enum class ReduceOp : std::uint8_t { sum, max, min };

// The error of check_range.
std::string out_of_range(const char* what, std::int64_t index, std::int64_t size,
                         std::optional<std::int64_t> ignore);

// What changes the scores q k^T of an attention before their softmax.
struct AttentionScores {
  double scale = 1;
  bool causal = false;  // query t looks at keys 0 ... t + causal_offset
  Tensor key_mask;      // u8, broadcasts to (..., 1, S), 1 keeps; undefined: all keys
  std::int64_t causal_offset = 0;
};

// What a rule changes and reads for one parameter, or rows of one: contiguous, of one element type and size.
struct UpdateTensors {
  Tensor p;                          // changed
  Tensor g;                          // read; undefined: ones
  std::array<Tensor, 3> slots = {};  // the rule's state, changed; as many as it has
  Tensor scale = {};                 // one f64 that g is multiplied with as it is read; undefined: 1
};

// The kernel contract: what a device must be able to compute. Outputs come first and are allocated by the op;
// kernels never allocate tensors, check no shapes (ops do) and record nothing. Unless said, tensors may have
// any strides.
class Kernels {
 public:
  virtual ~Kernels() = default;

  // y_i = i; contiguous.
  virtual void arange(const Tensor& y) const = 0;
  // mask (rows, columns), u8, contiguous: 1 where column - row <= diagonal, else 0.
  virtual void tril(const Tensor& mask, std::int64_t diagonal) const = 0;
  // y_i = value with this probability, else 0, by number i of the stream; contiguous.
  virtual void bernoulli(const Tensor& y, const KeyedStream& stream, double probability,
                         double value) const = 0;
  // Throws an Error that begins with `what` if a number of the index (i64, contiguous) is neither in [0,
  // size) nor `ignore`. Other devices than the CPU throw with the next copy to the host.
  virtual void check_range(const char* what, const Tensor& index, std::int64_t size,
                           std::optional<std::int64_t> ignore) const = 0;
  // y = value
  virtual void fill(const Tensor& y, double value) const = 0;
  // y = x, converted to y's element type. Same shapes.
  virtual void copy(const Tensor& y, const Tensor& x) const = 0;
  // y = f(x; a, b). Same shapes; y may be x.
  virtual void unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const = 0;
  // y = f(a, b), a and b broadcast to y's shape; y may be a or b. Real, or i64 where f is no division.
  virtual void binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const = 0;
  // y = 1 where a op b holds, else 0; y u8, a and b of one type, broadcast to y's shape.
  virtual void compare(CompareOp op, const Tensor& y, const Tensor& a, const Tensor& b) const = 0;
  // y = condition ? a : b; condition u8, all broadcast to y's shape.
  virtual void where(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) const = 0;
  // y = reduction of x over the dimensions where y has size 1 and x has not. Same ranks and types, but sums
  // of u8 are i64. Sums of f32 are formed in f64.
  virtual void reduce(ReduceOp op, const Tensor& y, const Tensor& x) const = 0;
  // y_i = x_0 + ... + x_i along dim; formed in f64.
  virtual void cumsum(const Tensor& y, const Tensor& x, int dim) const = 0;
  // y = a b (+ y if accumulate) (+ bias (n), contiguous, to every row): (..., m, k) x (..., k, n) -> (..., m,
  // n). Leading dimensions of a and b broadcast. One of the last two strides of each is 1; y's last stride
  // is 1.
  virtual void matmul(const Tensor& y, const Tensor& a, const Tensor& b, bool accumulate,
                      const Tensor& bias) const = 0;
  // y = alpha a b + beta c (+ bias), as matmul; y and c contiguous, of one shape, and not the same.
  virtual void matmul_plus(const Tensor& y, const Tensor& a, const Tensor& b, double alpha, const Tensor& c,
                           double beta, const Tensor& bias) const;
  // y = gelu(h), slope = gelu'(h) of h = a b + bias, as matmul; y and slope contiguous.
  virtual void matmul_gelu(const Tensor& y, const Tensor& slope, const Tensor& a, const Tensor& b,
                           const Tensor& bias, Gelu form) const;
  // y = a b, times factor by element, as matmul; y and factor contiguous, of one shape, and not the same.
  virtual void matmul_times(const Tensor& y, const Tensor& a, const Tensor& b, const Tensor& factor) const;
  // Where along dim the largest (smallest) element is, the first of equal ones, NaN before all; y i64 of size
  // 1 there.
  virtual void arg_extreme(const Tensor& y, const Tensor& x, int dim, bool largest) const = 0;
  // The order of x along dim, ascending with NaN last or the other way round, stable; y i64.
  virtual void argsort(const Tensor& y, const Tensor& x, int dim, bool descending) const = 0;
  // y[i, :] = table[index[i], :]; contiguous, index i64.
  virtual void take_rows(const Tensor& y, const Tensor& table, const Tensor& index) const = 0;
  // table[r, :] = the sum of x[i, :] over all i with index[i] = r, in their order; contiguous.
  virtual void add_rows(const Tensor& table, const Tensor& x, const Tensor& index) const = 0;
  // y[i, ...] = x[index[i, ...], ...] along dim (the other dimensions of x may be larger), and its adjoint
  // y[index[i, ...], ...] += x[i, ...].
  virtual void gather(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const = 0;
  virtual void scatter_add(const Tensor& y, const Tensor& x, const Tensor& index, int dim) const = 0;

  // The fused ops. Tensors are contiguous here; "rows" are those of the last dimension; undefined weights are
  // left out, targets that are not wanted are not computed.

  // y = (x - mean) rstd weight + bias, rstd = 1 / sqrt(var + eps), over rows; mean and rstd (rows). Without
  // mean, in both, it counts as 0: RMS norm.
  virtual void layer_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x,
                          const Tensor& weight, const Tensor& bias, double eps) const = 0;
  // Its gradients: dx like x, dweight and dbias (width).
  virtual void layer_norm_backward(const Target& dx, const Target& dweight, const Target& dbias,
                                   const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                   const Tensor& weight) const = 0;
  // y = gelu(x), slope = gelu'(x), all contiguous; slope may be x.
  virtual void gelu_and_slope(const Tensor& y, const Tensor& slope, const Tensor& x, Gelu form) const = 0;
  // Of a linear layer: dweight (m, n) = dy^T x, dbias (m) = the sum of dy over its rows; dy (rows, m), x
  // (rows, n), the last stride 1.
  virtual void weight_gradient(const Target& dweight, const Target& dbias, const Tensor& dy,
                               const Tensor& x) const = 0;
  // loss = log sum exp x - (1 - smoothing) x[target] - smoothing mean(x) over rows of logits x (rows,
  // classes); lse = log sum exp x; all (rows), both 0 where target is `ignore`.
  virtual void cross_entropy(const Tensor& loss, const Tensor& lse, const Tensor& x, const Tensor& target,
                             std::int64_t ignore, double smoothing) const = 0;
  // share = 1 / the number of targets that are not `ignore`, mean = share times the sum of the losses; of the
  // losses' type, one element each. The sum is formed in f64.
  virtual void mean_of_counted(const Tensor& mean, const Tensor& share, const Tensor& loss,
                               const Tensor& target, std::int64_t ignore) const = 0;
  // dx = dloss (softmax(x) - (1 - smoothing) [class = target] - smoothing / classes); dloss (rows), any
  // strides; dx like x.
  virtual void cross_entropy_backward(const Tensor& dx, const Tensor& dloss, const Tensor& x,
                                      const Tensor& lse, const Tensor& target, std::int64_t ignore,
                                      double smoothing) const = 0;
  // Whether attention takes heads of these widths. Where not, it is composed of other kernels.
  virtual bool fuses_attention(std::int64_t /*query_width*/, std::int64_t /*value_width*/) const {
    return true;
  }
  // y = softmax(scale q k^T, masked) v: q (..., T, D), k (..., S, D), v (..., S, E), y (..., T, E) with equal
  // leading dimensions and any strides but 1 for the last; lse (..., T) contiguous, the log of the sums. A
  // row without a key gives zeros. Stores no (T, S).
  virtual void attention(const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                         const Tensor& v, const AttentionScores& scores) const = 0;
  // Its gradients, all three: dq like q, dk like k, dv like v; dy like y, and the forward's y and lse.
  virtual void attention_backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& dy,
                                  const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                                  const Tensor& v, const AttentionScores& scores) const = 0;

  // Convolution by kernels of its own, or null: it is composed of other kernels then.
  virtual const ConvKernels* convolution() const { return nullptr; }

  // The optimizers' steps.

  // Applies the rule (core/rules.h) to every element of all tensors. `only_if_finite`: undefined, or one f32
  // or f64 (a loss, say); where it is not finite, nothing is changed.
  virtual void update(const UpdateRule& rule, std::span<const UpdateTensors> tensors,
                      const Tensor& only_if_finite) const = 0;
  // y[i] = sum of the squares of x[i], contiguous, formed in f64; y (count) f64, or (1) for the sum of all.
  virtual void sums_of_squares(const Tensor& y, std::span<const Tensor> x) const = 0;
};

// The kernels of x's device. Throws if there is no such device.
const Kernels& kernels(const Tensor& x);

// The kernels of the device that all of these are on; undefined ones are on any. Throws if they are on
// several.
[[noreturn]] void fail_on_devices(const char* op, const Tensor& x, const Tensor& other);
template <typename... Others>
const Kernels& kernels(const char* op, const Tensor& x, const Others&... others) {
  const auto check_one = [&](const Tensor& other) {
    if (other.defined() && other.device() != x.device()) fail_on_devices(op, x, other);
  };
  (check_one(others), ...);
  return kernels(x);
}

}  // namespace lockstep
