// What is said about a device that is not there; tests/cuda_on_host has the tests of one that is.
#include "core/runtime/device.h"

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/runtime/replay.h"

namespace lockstep {
namespace {

template <typename F>
std::string error_of(F call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Device, TheCpuIsAlwaysThere) {
  EXPECT_EQ(why_unavailable(Device::cpu), "");
  const Tensor x = ones({2, 3});
  EXPECT_EQ(x.device(), Device::cpu);
  EXPECT_TRUE(to(x, Device::cpu).is_same(x));
  EXPECT_EQ(describe(x), "f32 (2, 3)");
}

TEST(Device, OneThatIsNotThereSaysWhy) {
  const std::string why = why_unavailable(Device::cuda);
  if (why.empty()) GTEST_SKIP() << "this machine has a CUDA device";
  const Tensor x = ones({2});
  for (const auto& call : std::vector<std::function<void()>>{
           [] {
             empty({2}, {DType::f32, Device::cuda});
           },
           [&] { to(x, Device::cuda); }, [] { from_values<float>({1}, {1}, Device::cuda); },
           [] { memory_stats(Device::cuda); }}) {
    const std::string error = error_of(call);
    EXPECT_NE(error.find("no cuda device: " + why), std::string::npos) << error;
  }
}

TEST(Device, AReplayOnTheCpuIsACall) {
  Replay replay(Device::cpu);
  const Tensor x = zeros({});
  for (int i = 1; i < 4; ++i) {
    replay.run([&] {
      replay.report(x);
      copy_(x, x + 1);
    });
    EXPECT_EQ(replay.reported(), i - 1) << "as it was then";
  }
  replay.run([] {});
  EXPECT_NE(error_of([&] { replay.reported(); }).find("the last run reported nothing"), std::string::npos);
}

}  // namespace
}  // namespace lockstep
