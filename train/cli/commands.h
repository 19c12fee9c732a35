#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "train/config/defaults.h"
#include "train/config/key.h"

namespace lockstep::train {
class Crew;
}

// One function per group of commands: it adds the subcommand and says what to run. An action returns the exit
// code.
namespace lockstep::train::cli {

using Action = std::function<int()>;

// What every command may look at.
struct Session {
  std::string command_line;  // as typed, quoted for a shell
  Crew* crew = nullptr;      // other processes that take part in a study
  Action action;             // set by the subcommand that was given
};

// Set by Ctrl-C, SIGTERM and a terminal that closes: for commands that have something to save. The first call
// catches these signals; a command that never calls it ends at the first of them.
const std::atomic<bool>& stop_requested();
inline constexpr int exit_stopped = 130;

// The help of an option with its default, unless that is said already or there is none.
std::string with_default(const std::string& help, const std::string& what);

void add_study(CLI::App& app, Session& session);  // study, merge, studies
void add_report(CLI::App& app, Session& session);
void add_train(CLI::App& app, Session& session);  // train, eval, sample
void add_findings(CLI::App& app, Session& session);
void add_explain(CLI::App& app, Session& session);
// Explains one run or two, each a folder of lockstep train or its checkpoint. `out` may be empty:
// explain.html in the first one's folder.
void write_page(const std::vector<std::string>& runs, std::filesystem::path out);
void add_diverge(CLI::App& app, Session& session);
void add_weights(CLI::App& app, Session& session);  // convert, export, inspect
void add_info(CLI::App& app, Session& session);     // tasks, repro, doctor
void add_bench(CLI::App& app, Session& session);    // bench

// The error in words: what is wrong, and what would be right.
std::string wrong_usage(const CLI::App& app, const CLI::ParseError& error);

// Adds an option for every key: --weight-decay for weight_decay. What was given is collected as (key, text).
using Typed = std::vector<std::pair<std::string, std::string>>;
template <typename Keys>
void add_keys(CLI::App& command, const Keys& keys, Typed& typed) {
  for (const auto& key : keys) {
    command.add_option_function<std::string>(
        option_of(key.name),
        [&typed, name = key.name](const std::string& text) { typed.emplace_back(name, text); },
        with_default(help_of(key), default_of(key)));
  }
}
std::set<std::string> names_of(const Typed& typed);

// Adds an option for a number in a range, or for several with commas between them. A wrong one throws.
template <typename Number>
CLI::Option* add_number(CLI::App& command, const std::string& option, Number& value, const Range& range,
                        const std::string& help) {
  using Read = std::conditional_t<std::is_integral_v<Number>, std::int64_t, double>;
  return command.add_option_function<std::string>(
      option,
      [option, &value, range](const std::string& text) {
        value = static_cast<Number>(number_from<Read>(option, text, range));
      },
      with_default(fmt::format("{}, {}", help, range.text()), fmt::format("default {}", value)));
}
CLI::Option* add_numbers(CLI::App& command, const std::string& option, std::vector<std::int64_t>& values,
                         const Range& range, const std::string& help);

// Numbers of options.
inline constexpr Range count_range{.least = 1, .most = 1e9}, seconds_range{.least = 0, .most = 1e6},
    threads_range{.least = 1, .most = 1024}, seed_range{.least = 0, .most = any_size};

}  // namespace lockstep::train::cli
