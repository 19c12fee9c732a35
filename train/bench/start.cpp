#include "train/bench/start.h"

#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "train/bench/timing.h"
#include "train/statistics/statistics.h"

namespace lockstep::train {

namespace {

constexpr int processes = 5;

// What the command writes, which is one number.
double number_from(const std::string& command) {
  const auto close = [](FILE* pipe) { pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close)> pipe(popen(command.c_str(), "r"), close);
  double value = 0;
  check(pipe != nullptr && fscanf(pipe.get(), "%lf", &value) == 1, "[bench] expected a number from: {}",
        command);
  return value;
}

}  // namespace

double clock_after_first_step(const BenchModel& model, bool combined) {
  BenchTraining(model, combined).step();
  return monotonic_seconds();
}

std::vector<StartResult> bench_start(const std::string& program) {
  std::vector<StartResult> results;
  for (const BenchModel& model : reference_models()) {
    for (const char* attention : {"combined", "separate"}) {
      std::vector<double> seconds;
      for (int i = 0; i < processes; ++i) {
        const double start = monotonic_seconds();
        seconds.push_back(number_from(fmt::format("exec '{}' bench --first-step --model {} --attention {}",
                                                  program, model.name, attention)) -
                          start);
      }
      results.push_back(
          {model.name, attention, quantile(seconds, 0.5), *std::max_element(seconds.begin(), seconds.end())});
    }
  }
  return results;
}

std::string to_text(const std::vector<StartResult>& results) {
  std::string text = fmt::format(
      "from the start of a process to its first finished step, {} processes each, one thread\n"
      "{:<6}{:<10}{:>10}{:>10}\n",
      processes, "model", "attention", "median ms", "max ms");
  for (const StartResult& r : results)
    text += fmt::format("{:<6}{:<10}{:>10.1f}{:>10.1f}\n", r.model, r.attention, 1e3 * r.median, 1e3 * r.max);
  return text;
}

std::string to_json(const std::vector<StartResult>& results) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const StartResult& r : results) {
    rows.push_back({{"model", r.model},
                    {"attention", r.attention},
                    {"median_ms", 1e3 * r.median},
                    {"max_ms", 1e3 * r.max}});
  }
  return nlohmann::ordered_json{{"start", rows}}.dump(2) + '\n';
}

}  // namespace lockstep::train
