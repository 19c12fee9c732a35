// cuda_device_tests: the tests of cases_test.cpp and device_test.cpp on a GPU, core/cuda being compiled by
// nvcc. Without one it says why and ends with 77, which CTest shows as skipped.
#include <gtest/gtest.h>

#include <cstdio>

#include "core/runtime/device.h"
#include "tests/cuda_on_host/run.h"

namespace cuda_on_host {

bool is_gpu() { return true; }
bool is_checked() { return false; }
void set_order(Order) {}
std::uint64_t launches() { return 0; }
std::uint64_t threads_run() { return 0; }

}  // namespace cuda_on_host

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const std::string why = lockstep::why_unavailable(lockstep::Device::cuda); !why.empty()) {
    std::printf("0 comparisons on a GPU: %s\n", why.c_str());
    return 77;
  }
  return RUN_ALL_TESTS();
}
