// The host layer's own tests: it finds every planted mistake, and captures graphs.
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "core/cuda/blas.h"
#include "core/cuda/request_clock.h"
#include "core/kernels.h"
#include "core/ops.h"
#include "tests/cuda_on_host/planted.h"
#include "tests/cuda_on_host/run.h"
#include "train/training/training.h"

namespace cuda_on_host {
namespace {

// Device memory of 64 floats, written if there are values.
float* device_floats(const std::vector<float>& values) {
  void* p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, 64 * sizeof(float)), cudaSuccess);
  if (!values.empty())
    cudaMemcpyAsync(p, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice,
                    cudaStreamPerThread);
  return static_cast<float*>(p);
}

class Mistake : public testing::TestWithParam<Planted> {};

TEST_P(Mistake, IsFound) {
  const Planted& mistake = GetParam();
  if (mistake.by_access && !is_checked()) return;  // the checked program finds it
  for (const Order order : {Order::forward, Order::backward, Order::shuffled}) {
    set_order(order);
    float *const x = device_floats(std::vector<float>(64, 1)), *const y = device_floats({});
    const float host[64] = {};
    try {
      mistake.run(y, x, host);
      ADD_FAILURE() << "not found: " << mistake.name;
    } catch (const std::runtime_error& e) {
      EXPECT_NE(std::string(e.what()).find(mistake.error), std::string::npos) << e.what() << "\n instead of\n"
                                                                              << mistake.error;
    }
    cudaFree(x), cudaFree(y);
  }
  set_order(Order::forward);
}

INSTANTIATE_TEST_SUITE_P(HostLayer, Mistake, testing::ValuesIn(planted_mistakes()), [](const auto& test) {
  std::string name = test.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

TEST(HostLayer, BlocksThatCountHaveSeenWhatTheOthersWrote) {
  for (const Order order : {Order::forward, Order::backward, Order::shuffled}) {
    set_order(order);
    float *const x = device_floats(std::vector<float>(64, 1)), *const y = device_floats({});
    std::vector<float> now(8);
    for (int i = 0; i < 2; ++i) {
      count_blocks_rightly(y, x);
      cudaMemcpyAsync(now.data(), y, 8 * sizeof(float), cudaMemcpyDeviceToHost, cudaStreamPerThread);
      EXPECT_EQ(now, std::vector<float>(8, 3));
    }
    cudaFree(x), cudaFree(y);
  }
  set_order(Order::forward);
}

TEST(HostLayer, CopiesIntoSharedMemoryAreThereWhenWaitedFor) {
  for (const Order order : {Order::forward, Order::backward, Order::shuffled}) {
    set_order(order);
    float *const x = device_floats(std::vector<float>(64, 1.5)), *const y = device_floats({});
    std::vector<float> now(64);
    copy_rightly(y, x);
    cudaMemcpyAsync(now.data(), y, 64 * sizeof(float), cudaMemcpyDeviceToHost, cudaStreamPerThread);
    EXPECT_EQ(now, std::vector<float>(64, 3));
    cudaFree(x), cudaFree(y);
  }
  set_order(Order::forward);
}

// A capture runs nothing and lets nobody allocate; a replay sees what device memory holds then.
TEST(HostLayer, GraphsAreReplayedWithWhatMemoryHolds) {
  using lockstep::Device;
  using lockstep::DType;
  lockstep::Tensor x = lockstep::full({8}, 1, {DType::f32, Device::cuda});
  { const lockstep::Tensor warm = x * 2 + 1, kept = warm + x; }
  const cudaStream_t stream = cudaStreamPerThread;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  const std::uint64_t before = launches();
  const lockstep::Tensor y = x * 2 + 1;
  EXPECT_EQ(launches(), before);
  void* p = nullptr;
  EXPECT_NE(cudaMalloc(&p, 64), cudaSuccess);
  EXPECT_THROW(y.to_vector(), std::exception) << "nothing can be waited for";
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphExec_t replay = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  for (const double value : {5.0, 7.0}) {
    lockstep::kernels(x).fill(x, value);
    ASSERT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    EXPECT_EQ(y.to_vector(), std::vector<double>(8, 2 * value + 1));
  }
  cudaGraphExecDestroy(replay), cudaGraphDestroy(graph);
  cudaGetLastError();
}

// What cuBLASLt would refuse, or would not notice.
TEST(HostLayer, ProductsAreHeldToTheirConventions) {
  using lockstep::cuda::gemm;
  using lockstep::cuda::Matrices;
  float *const x = device_floats(std::vector<float>(64, 1)), *const y = device_floats({});
  const auto error_of = [&](std::int64_t leading, float* to, std::int64_t count, std::int64_t stride) {
    try {
      gemm<float>(count, 4, 4, 4, {x, false, leading, 0}, {x, false, 4, 0}, {to, false, 4, stride}, {},
                  nullptr);
    } catch (const std::runtime_error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error_of(4, y, 1, 0), "no error");
  EXPECT_NE(error_of(3, y, 1, 0).find("leading dimension"), std::string::npos);
  EXPECT_NE(error_of(21, y, 1, 0).find("beyond an allocation"), std::string::npos);
  EXPECT_NE(error_of(4, y, 3, 8).find("overlap"), std::string::npos);
  float host[64] = {};
  EXPECT_NE(error_of(4, host, 1, 0).find("beyond an allocation"), std::string::npos);
  cudaFree(x), cudaFree(y);
}

// A study's runs follow each other on a thread: what one leaves, memory above all, the next one takes.
TEST(HostLayer, ATrainingSeldomStopsTheDevice) {
  using namespace lockstep;
  train::RunConfig config;
  config.layers = 1, config.width = 16, config.heads = 2, config.mlp = 16, config.batch = 2;
  std::thread([&] {
    for (int run = 0; run < 3; ++run) {
      const std::uint64_t before = stopping_calls();
      config.seed = run;
      {
        train::Training training(config, Device::cuda);
        for (int i = 0; i < 5; ++i) training.step();
        const std::uint64_t calls_before = calls();
        training.step();
        EXPECT_EQ(calls() - calls_before, 2u) << "the graphs of gradients and update";
        EXPECT_EQ(training.gradient_stats().replayed, 4);
        EXPECT_EQ(training.update_stats().replayed, 4);
      }
      const std::uint64_t stops = stopping_calls() - before;
      constexpr std::uint64_t pinned = 1 + 2, graphs = 2;  // the thread's own, and for what varies in a graph
      if (run > 0) {
        EXPECT_EQ(stops, 0u) << "its graphs are those of the run before, changed";
      } else if (is_checked()) {
        EXPECT_GT(stops, 20u) << "without a pool, every allocation";
      } else {
        EXPECT_EQ(stops, pinned + graphs) << "device memory comes from a pool";
      }
    }
  }).join();
}

TEST(RequestClock, NamesKernelsInShort) {
  using lockstep::cuda::short_name;
  EXPECT_EQ(
      short_name("void lockstep::cuda::(anonymous namespace)::attention_kernel<float, 64, 4>(int, (anonymous "
                 "namespace)::Shape)"),
      "attention");
  EXPECT_EQ(short_name("lockstep::cuda::(anonymous namespace)::sum_parts_kernel(double*, double const*)"),
            "sum_parts");
  EXPECT_EQ(short_name("_Z1f"), "_Z1f");
}

}  // namespace
}  // namespace cuda_on_host
