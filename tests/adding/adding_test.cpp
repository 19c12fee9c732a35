// What README.md adds to the library is known, runs and is shown. (The op: as one of the op cases.)
#include <gtest/gtest.h>

#include <algorithm>

#include "data/files/atomic_file.h"
#include "data/tasks/task.h"
#include "optim/optim.h"
#include "tests/data/temp_folder.h"
#include "tests/optim/model.h"
#include "train/config/toml.h"
#include "train/study/study.h"

namespace lockstep {
namespace {

TEST(Adding, TheOptimizerIsKnownByItsName) {
  ParameterList model = optim::combined_qkv(0, DType::f64);
  const auto ball = optim::make_optimizer("heavyball", model, {{"lr", 0.5}, {"momentum", 0.25}});
  std::vector<double> p = optim::all_values(model), b(p.size());
  for (int step = 0; step < 3; ++step) {
    optim::set_gradients(model, step);
    const std::vector<double> g = model[0].tensor.grad().to_vector();
    ball->step();
    for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.5 * (b[i] = 0.25 * b[i] + g[i]);
  }
  const std::vector<double> stepped = optim::all_values(model);
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(stepped[i], p[i], 1e-12);
  EXPECT_EQ(optim::to_string(optim::default_settings("HeavyBall").at("momentum")), "0.9");
  EXPECT_FALSE(optim::couples_rows("heavyball"));
  EXPECT_THROW(optim::make_optimizer("heavyball", model, {{"momentum", 1.0}}), Error);
  EXPECT_THROW(optim::make_optimizer("heavyball", model, {{"beta1", 0.9}}), Error);
}

TEST(Adding, TheTaskIsListed) {
  const auto task = data::make_task("parity", 3);
  const data::Batch batch = task->training(0, 4);
  const std::vector<double> in = batch.inputs.to_vector(), out = batch.targets.to_vector();
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double before = i % 16 == 0 ? 0 : out[i - 1];
    EXPECT_EQ(out[i], in[i] == before ? 0 : 1);
  }
}

// A study of the task, by the optimizer, with the metric and the probe in its files.
TEST(Adding, AStudyShowsTheMetricAndTheProbe) {
  const train::StudyConfig study = train::parse_study(R"(
name = "added"
threads = 2
[[experiment]]
task = "parity"
optimizer = "heavyball"
lr = 0.1
seeds = 2
steps = 3
curve_steps = 2
batch = 2
layers = 1
width = 8
heads = 2
mlp = 8
)",
                                                      "added.toml");
  const TempFolder folder;
  testing::internal::CaptureStdout();
  const std::atomic<bool> never = false;
  EXPECT_EQ(train::run_study(study, {.out = folder.path()}, never), train::StudyEnd::finished);
  testing::internal::GetCapturedStdout();
  const auto expect_in = [&](const char* file, const std::string& text) {
    EXPECT_NE(data::read_file(folder / file).find(text), std::string::npos) << file << ": " << text;
  };
  expect_in("runs.csv", "last_loss");
  expect_in("probes.csv", "largest_weight");
  for (const char* text : {"parity", "heavyball", "training loss of the last step", "largest first weight"})
    expect_in("report.html", text);
}

}  // namespace
}  // namespace lockstep
