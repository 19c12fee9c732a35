#include "train/bench/start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/joined.h"
#include "train/bench/timing.h"
#include "train/statistics/statistics.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

constexpr int processes = 5;

std::string all_of(int descriptor) {
  std::string text;
  char piece[256];
  for (ssize_t got = 1; got != 0;) {
    got = read(descriptor, piece, sizeof piece);
    if (got < 0 && errno != EINTR) break;
    if (got > 0) text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

// What the program writes, which is one number. No shell reads the words.
double number_from(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  check(pipe2(ends, O_CLOEXEC) == 0, "[bench] cannot make a pipe: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t process = 0;
  const int error = posix_spawn(&process, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::string text = error == 0 ? all_of(ends[0]) : "";
  close(ends[0]);
  check(error == 0, "[bench] cannot start {}: {}", words[0], std::strerror(error));
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  char* rest = nullptr;
  const double value = std::strtod(text.c_str(), &rest);
  check(status == 0 && rest != text.c_str(), "[bench] expected a number from {}: got \"{}\"",
        joined(words, " "), text);
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
        seconds.push_back(
            number_from({program, "bench", "--first-step", "--model", model.name, "--attention", attention}) -
            start);
      }
      results.push_back(
          {model.name, attention, quantile(seconds, 0.5), *std::max_element(seconds.begin(), seconds.end())});
    }
  }
  return results;
}

std::string to_text(const std::vector<StartResult>& results, int width) {
  Table table({{"model"}, {"attention"}, {"median ms", true}, {"max ms", true}}, width);
  for (const StartResult& r : results)
    table.add(
        {r.model, r.attention, fmt::format("{:.1f}", 1e3 * r.median), fmt::format("{:.1f}", 1e3 * r.max)});
  return paragraph(
             fmt::format(
                 "from the start of a process to its first finished step, {} processes each, one thread",
                 processes),
             width) +
         table.text();
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
