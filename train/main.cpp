// lockstep: the command line. Exit codes: 0 done, 1 failed, 2 wrong input, 130 stopped by a signal.
#include <csignal>
#include <cstdio>

#include "core/error.h"
#include "train/cli/commands.h"
#include "train/keys.h"

namespace lockstep::train::cli {

namespace {

std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// A second signal ends the program at once.
void on_signal(int signal) {
  stop = true;
  std::signal(signal, SIG_DFL);
}

std::string quoted(const std::string& word) {
  const bool plain =
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+") ==
      std::string::npos;
  return plain && !word.empty() ? word : "'" + word + "'";
}

// The options that the given subcommand knows, to suggest the nearest for a mistyped one.
std::string hint(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::App* sub : app.get_subcommands()) {
    for (const CLI::Option* option : sub->get_options()) known.push_back(option->get_name());
  }
  if (known.empty()) {
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
      known.push_back(sub->get_name());
  }
  const std::string near = nearest(word, known);
  return near.empty() ? "" : fmt::format(": did you mean {}?", near);
}

int run(int argc, char** argv) {
  CLI::App app(
      "Trains attention models in two configurations side by side, and says what really made them learn "
      "differently.",
      "lockstep");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "help of all commands");
  Session session;
  for (int i = 0; i < argc; ++i)
    session.command_line += (i > 0 ? " " : "") + (i > 0 ? quoted(argv[i]) : std::string("lockstep"));
  add_study(app, session);
  add_report(app, session);
  add_train(app, session);
  add_weights(app, session);
  add_info(app, session);
  add_bench(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError& error) {
    const std::vector<std::string> extras = app.remaining(true);
    fmt::print(stderr, "lockstep: unexpected argument {}{}\n", extras.empty() ? "" : extras.front(),
               extras.empty() ? "" : hint(app, extras.front()));
    return 2;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return session.action();
}

}  // namespace

const std::atomic<bool>& stop_requested() { return stop; }

}  // namespace lockstep::train::cli

int main(int argc, char** argv) {
  try {
    return lockstep::train::cli::run(argc, argv);
  } catch (const lockstep::Error& error) {
    fmt::print(stderr, "lockstep: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lockstep: {}\n", error.what());
    return 1;
  }
}
