#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "train/config/keys.h"

// One function per group of commands: it adds the subcommand and says what to run. An action returns the exit
// code.
namespace lockstep::train::cli {

using Action = std::function<int()>;

// What every command may look at.
struct Session {
  std::string command_line;  // as typed, quoted for a shell
  Action action;             // set by the subcommand that was given
};

// Set by Ctrl-C, SIGTERM and a terminal that closes: for commands that have something to save. The first call
// catches these signals; a command that never calls it ends at the first of them.
const std::atomic<bool>& stop_requested();
inline constexpr int exit_stopped = 130;

void add_study(CLI::App& app, Session& session);  // study, studies
void add_report(CLI::App& app, Session& session);
void add_train(CLI::App& app, Session& session);    // train, eval, sample
void add_explain(CLI::App& app, Session& session);
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
        [&typed, name = key.name](const std::string& text) { typed.emplace_back(name, text); }, key.help);
  }
}

}  // namespace lockstep::train::cli
