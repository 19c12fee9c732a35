// Optimizers and schedules as the command line names them.
#include "train/training/training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/data/temp_folder.h"
#include "tests/train/training/tiny_run.h"
#include "train/config/optimizer.h"
#include "train/config/schedule.h"
#include "train/config/validate.h"
#include "train/training/checkpoint.h"

namespace lockstep::train {
namespace {

// Losses of a training, and of one that is stopped half-way, saved, loaded and gone on with.
void expect_resumes(const RunConfig& config) {
  validate(config);
  const TempFolder folder;
  Training whole(config), half(config), rest(config);
  std::vector<double> losses, resumed;
  for (int step = 0; step < 8; ++step) losses.push_back(whole.step());
  for (int step = 0; step < 4; ++step) resumed.push_back(half.step());
  save_checkpoint(folder / "half.h5", half, {});
  Checkpoint(folder / "half.h5").restore(rest);
  for (int step = 4; step < 8; ++step) resumed.push_back(rest.step());
  EXPECT_EQ(losses, resumed);
  for (const double loss : losses) EXPECT_TRUE(std::isfinite(loss));
}

TEST(Training, EveryOptimizerResumes) {
  for (const std::string& name : optimizer_names()) {
    SCOPED_TRACE(name);
    RunConfig config = tiny_run();
    config.optimizer = name;
    if (reshapes(name)) config.optimizer_direction = "head";
    expect_resumes(config);
  }
}

TEST(Training, EveryScheduleResumes) {
  for (const std::string& name : schedule_names()) {
    SCOPED_TRACE(name);
    RunConfig config = tiny_run();
    config.schedule = name;
    const std::vector<std::string>& keys = schedule_keys(name);
    if (std::ranges::find(keys, "schedule_period") != keys.end()) config.schedule_period = 3;
    for (const std::int64_t warmup : {0, 1, 3}) {
      config.warmup = warmup;
      expect_resumes(config);
    }
  }
}

TEST(Training, RefusesAnUnknownOptimizer) {
  RunConfig config = tiny_run();
  config.optimizer = "adagard";
  try {
    validate(config);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(
        std::string(error.what()).find("optimizer = \"adagard\" is not known: did you mean \"adagrad\"?"),
        std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace lockstep::train
