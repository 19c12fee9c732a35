// Every op case on a CUDA device and on the CPU: values, gradients, second derivatives, strided inputs, in
// several orders of threads. The device is the host layer, or a GPU where the program was built for one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "core/ops.h"
#include "tests/core/op_case_checks.h"
#include "tests/cuda_on_host/run.h"

namespace lockstep::cases {
namespace {

int compared = 0;  // values and gradients, on the device and on the CPU
double worst[2] = {};

void compare(const Tensor& device, const Tensor& cpu, const std::string& what) {
  ++compared;
  const bool single = cpu.dtype() == DType::f32;
  ASSERT_EQ(device.device(), Device::cuda) << what;
  ASSERT_EQ(device.dtype(), cpu.dtype()) << what;
  ASSERT_EQ(device.shape(), cpu.shape()) << what;
  const double apart = difference(device, cpu);
  EXPECT_LE(apart, single ? 1e-5 : 1e-13) << what;
  worst[single ? 0 : 1] = std::max(worst[single ? 0 : 1], apart);
}

void compare(const Inputs& device, const Inputs& cpu, const std::string& what) {
  ASSERT_EQ(device.size(), cpu.size()) << what;
  for (std::size_t i = 0; i < cpu.size(); ++i) compare(device[i], cpu[i], what + " " + std::to_string(i));
}

Inputs on_cuda(const Inputs& inputs, bool strided) {
  Inputs there;
  for (const Tensor& x : inputs) {
    there.push_back(to(x.detach(), Device::cuda));
    if (strided) there.back() = scattered(there.back());
    if (is_real(x.dtype())) there.back().set_requires_grad();
  }
  return there;
}

class CudaOp : public testing::TestWithParam<OpCase> {
 protected:
  const OpCase& op = GetParam();
};

TEST_P(CudaOp, EqualsTheCpu) {
  // In the second, inputs are strided, too. Checked, a run takes ten times as long.
  const int orders = cuda_on_host::is_checked() || cuda_on_host::is_gpu() ? 2 : 3;
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Inputs host = draw(op.inputs, dtype, op.name), real = real_ones(host);
    const Tensor y = op.call(host);
    const Inputs first = gradients(op, host, false);
    for (int order = 0; order < orders; ++order) {
      cuda_on_host::set_order(static_cast<cuda_on_host::Order>(order));
      const Inputs there = on_cuda(host, order == 1);
      compare(op.call(there), y, "value");
      compare(gradients(op, there, false), first, "gradient");
    }
    cuda_on_host::set_order(cuda_on_host::Order::forward);
    if (dtype == DType::f32 || cuda_on_host::is_checked()) continue;
    Inputs directions, directions_there;
    for (const Tensor& x : real) directions.push_back(random_like(x, op.name + " direction"));
    for (const Tensor& d : directions) directions_there.push_back(to(d, Device::cuda));
    compare(second_derivatives(op, on_cuda(host, false), directions_there),
            second_derivatives(op, host, directions), "second derivative");
  }
}

// However the threads are scheduled.
TEST_P(CudaOp, TwoRunsHaveTheSameBits) {
  const Inputs there = on_cuda(draw(op.inputs, DType::f32, op.name), false);
  cuda_on_host::set_order(cuda_on_host::Order::forward);
  const Inputs first = gradients(op, there, false);
  cuda_on_host::set_order(cuda_on_host::Order::shuffled);
  const Inputs second = gradients(op, there, false);
  cuda_on_host::set_order(cuda_on_host::Order::forward);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].to_vector(), second[i].to_vector());
}

INSTANTIATE_TEST_SUITE_P(Core, CudaOp, testing::ValuesIn(op_cases()),
                         [](const auto& test) { return test.param.name; });

// Said last, so that nobody takes the host layer for a GPU.
struct Summary : testing::Environment {
  void TearDown() override {
    const bool gpu = cuda_on_host::is_gpu();
    std::printf(
        "%d comparisons of %zu op cases on the host layer%s, %d on a GPU; largest difference f32 %.1e, f64 "
        "%.1e\n",
        gpu ? 0 : compared, op_cases().size(), cuda_on_host::is_checked() ? ", every access checked" : "",
        gpu ? compared : 0, worst[0], worst[1]);
    if (!gpu) {
      std::printf("%llu launches of %llu threads\n",
                  static_cast<unsigned long long>(cuda_on_host::launches()),
                  static_cast<unsigned long long>(cuda_on_host::threads_run()));
    }
  }
};
const auto* const summary = testing::AddGlobalTestEnvironment(new Summary);

}  // namespace

void PrintTo(const OpCase& op, std::ostream* out) { *out << op.name; }

}  // namespace lockstep::cases
