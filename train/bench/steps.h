#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/bench/memory.h"
#include "train/bench/model.h"
#include "train/bench/profile.h"
#include "train/bench/timing.h"
#include "train/text/table.h"

namespace lockstep::train {

// What `bench` measures.
struct BenchOptions {
  std::vector<BenchModel> models = reference_models();
  std::vector<std::string> attention = {"combined", "separate"};
  std::vector<std::int64_t> threads = {1, 2};
  double seconds = 4;  // for each model and number of threads, the slower ones longer: 5 repetitions at least
  bool profile = false;
};

// One model in one storage with one number of threads.
struct StepResult {
  BenchModel model;
  std::string attention;
  int threads = 1;
  Timing step, forward, backward, update;
  Timing floor;         // of the step's matrix products alone
  double step_cpu = 0;  // median seconds of all cores
  double floor_cpu = 0;
  double floor_flops = 0;
  MemoryUse memory;
  std::vector<OpTime> profile;  // of a step on one thread; empty unless asked for

  double tokens_per_second() const { return static_cast<double>(model.batch * model.tokens) / step.median; }
  double ratio() const { return step.median / floor.median; }
};

// Step times. Of a model, the storages and their floors are timed in turn, so that all meet the same moments
// of a machine that others use as well. Throws for another attention than combined and separate.
std::vector<StepResult> bench_steps(const BenchOptions& options);

std::string to_text(const std::vector<StepResult>& results, int width = unlimited);
std::string to_json(const std::vector<StepResult>& results);

}  // namespace lockstep::train
