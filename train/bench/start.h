#pragma once

#include <string>
#include <vector>

#include "train/bench/model.h"
#include "train/text/table.h"

namespace lockstep::train {

// Trains one step and says when, on the clock of the whole machine (CLOCK_MONOTONIC, seconds), it was done:
// what a fresh process is to run, for another one that took the time before it started this one.
double clock_after_first_step(const BenchModel& model, bool combined);

// From the start of a fresh process to its first finished step, in seconds.
struct StartResult {
  std::string model, attention;
  double median = 0, max = 0;
};

// Starts `program` bench --first-step --model ... --attention ... some times for every model. Throws where it
// cannot be started or fails.
std::vector<StartResult> bench_start(const std::string& program);

std::string to_text(const std::vector<StartResult>& results, int width = unlimited);
std::string to_json(const std::vector<StartResult>& results);

}  // namespace lockstep::train
