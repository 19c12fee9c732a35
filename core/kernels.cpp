#include "core/kernels.h"

#include "core/cpu/cpu_kernels.h"

namespace lockstep {

const Kernels& kernels(const Tensor& x) {
  static const cpu::CpuKernels cpu;
  return x.device() == Device::cpu ? cpu : backend(x.device()).kernels();
}

void Kernels::matmul_plus(const Tensor& y, const Tensor& a, const Tensor& b, double alpha, const Tensor& c,
                          double beta, const Tensor& bias) const {
  if (alpha == 1 && beta == 1) {
    matmul(y, a, b, false, bias);
    return binary(BinaryOp::add, y, y, c);
  }
  matmul(y, a, b, false, {});
  const UpdateTensors tensors{y, c};
  update(rules::Add<double>{alpha, beta}, {&tensors, 1}, {});
  if (bias.defined()) binary(BinaryOp::add, y, y, bias);
}

void Kernels::matmul_gelu(const Tensor& y, const Tensor& slope, const Tensor& a, const Tensor& b,
                          const Tensor& bias, Gelu form) const {
  matmul(slope, a, b, false, bias);
  gelu_and_slope(y, slope, slope, form);
}

void Kernels::matmul_times(const Tensor& y, const Tensor& a, const Tensor& b, const Tensor& factor) const {
  matmul(y, a, b, false, {});
  binary(BinaryOp::mul, y, y, factor);
}

std::string out_of_range(const char* what, std::int64_t index, std::int64_t size,
                         std::optional<std::int64_t> ignore) {
  const std::string unless = ignore ? fmt::format(", or {} to ignore a row", *ignore) : "";
  return fmt::format("{} {} is out of range: expected 0 ... {}{}", what, index, size - 1, unless);
}

void fail_on_devices(const char* op, const Tensor& x, const Tensor& other) {
  fail("[{}] tensors are on two devices: {} ({}) and {} ({}): move one with to(x, Device::{})", op,
       describe(x), name_of(x.device()), describe(other), name_of(other.device()), name_of(x.device()));
}

}  // namespace lockstep
