// What `bench --device cuda` measures, on a model that is small enough for the host layer.
#include <gtest/gtest.h>

#include "tests/cuda_on_host/run.h"
#include "train/bench/gpu.h"

namespace lockstep::train {
namespace {

const BenchModel tiny{"tiny", 5, 4, 8, 2, 1, 2};

TEST(CudaBench, MeasuresAStepByItselfAndByRequest) {
  const GpuStep step = bench_gpu_step(tiny, "combined", 0.01, true);
  EXPECT_GT(step.graph.median, 0);
  EXPECT_GT(step.eager.median, 0);
  EXPECT_GT(step.tf32.median, 0);
  EXPECT_GT(step.flops, 3 * 2.0 * 8 * (12 * 8 * 8 + 5 * 8)) << "8 rows, forward and two gradients";
  std::int64_t calls = 0;
  for (const RequestTime& request : step.profile) calls += request.calls;
  constexpr std::int64_t graphs = 2, report = 1;
  EXPECT_EQ(step.requests, calls + graphs + report) << "each graph is sent what varies, one reports the loss";
}

TEST(CudaBench, MeasuresWhatRequestsCostBesideOthers) {
  if (cuda_on_host::is_checked()) GTEST_SKIP() << "the checker knows one host thread";
  GpuStep step = bench_gpu_step(tiny, "combined", 0.01, true);
  bench_gpu_beside(step, 2, 0.01);
  EXPECT_EQ(step.runs_beside, 2);
  EXPECT_GT(step.beside, 0);
  ASSERT_FALSE(step.profile.empty());
  for (const RequestTime& request : step.profile) EXPECT_NE(request.beside, 0) << request.name;
}

TEST(CudaBench, MeasuresTrainingsAtOnce) {
  if (cuda_on_host::is_checked()) GTEST_SKIP() << "the checker knows one host thread";
  const GpuThroughput together = bench_gpu_throughput(tiny, 2, 0.01);
  EXPECT_GT(together.ready, 0);
  EXPECT_GT(together.steps_per_second, 0);
  EXPECT_GT(together.flops_per_second, 3 * 2.0 * 8 * (12 * 8 * 8 + 5 * 8) * together.steps_per_second);
  EXPECT_GT(together.requests_per_second, 10 * together.steps_per_second);
}

}  // namespace
}  // namespace lockstep::train
