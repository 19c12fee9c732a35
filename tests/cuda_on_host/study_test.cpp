// A whole study on a device, several runs at once, each thread with its graphs.
#include "train/study/study.h"

#include <gtest/gtest.h>

#include "tests/cuda_on_host/run.h"
#include "tests/data/temp_folder.h"
#include "train/config/toml.h"
#include "train/study/study_results.h"

namespace lockstep::train {
namespace {

StudyRecord record_of(Device device) {
  const TempFolder folder;
  const StudyConfig study = parse_study(R"(
name = "small"
question = "Does a GPU say the same?"
threads = 3
[[experiment]]
task = "copy"
seeds = 2
steps = 7
curve_steps = 5
batch = 2
layers = 1
width = 8
heads = 2
mlp = 8
threshold = 2.5
tune = "off"
coupling_optimizer = "muon"
)",
                                        "small.toml");
  const std::atomic<bool> never = false;
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_study(study, {.out = folder.path(), .device = device}, never), StudyEnd::finished);
  testing::internal::GetCapturedStdout();
  return read_study_record(folder / "study.h5");
}

TEST(CudaStudy, FindsWhatTheCpuFinds) {
  if (cuda_on_host::is_checked()) GTEST_SKIP() << "the kernels of trainings again, at ten times the price";
  const StudyRecord here = record_of(Device::cpu), there = record_of(Device::cuda);
  ASSERT_EQ(there.runs.size(), here.runs.size());
  EXPECT_GT(here.runs.size(), 12u);
  for (const auto& [key, expected] : here.runs) {
    const RunResult& run = there.runs.at(key);
    ASSERT_EQ(run.losses.size(), expected.losses.size());
    for (std::size_t i = 0; i < run.losses.size(); ++i)
      EXPECT_NEAR(run.losses[i], expected.losses[i], 1e-4 * expected.losses[i]) << i;
    for (const auto& [probe, measured] : expected.measured) {
      const std::vector<double>&a = run.measured.at(probe).series.values, &b = measured.series.values;
      ASSERT_EQ(a.size(), b.size()) << probe;
      for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_NEAR(a[i], b[i], 1e-3 * std::abs(b[i]) + 1e-4) << probe;
    }
  }
}

}  // namespace
}  // namespace lockstep::train
