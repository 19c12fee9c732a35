// lockstep: the command line. Exit codes: 0 done, 1 failed, 2 wrong input, 130 stopped by a signal.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <new>
#include <system_error>

#include "core/error.h"
#include "train/cli/commands.h"
#include "train/config/keys.h"

namespace lockstep::train::cli {

namespace {

constexpr int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free);

std::int64_t milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1000 * static_cast<std::int64_t>(time.tv_sec) + time.tv_nsec / 1'000'000;
}

// The first signal asks for a clean stop, a second one ends the program at once. One that comes with the
// first is no second one: timeout(1) sends two, to the program and to its group.
void on_signal(int signal) {
  static volatile std::int64_t first = 0;
  if (!stop) {
    first = milliseconds();
    stop = true;
  } else if (milliseconds() - first > 100) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

void catch_signals() {
  for (const int signal : stop_signals) {
    // nohup, or a shell's &, had it ignored: so be it.
    if (std::signal(signal, on_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
  // A file grown to the limit of its size is an error of the write, told like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
}

std::string quoted(const std::string& word) {
  const bool plain =
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+") ==
      std::string::npos;
  if (plain && !word.empty()) return word;
  std::string text = "'";
  for (const char c : word) c == '\'' ? text += "'\\''" : text += c;
  return text + "'";
}

// What was printed may have got nowhere: a full disk, a closed terminal.
void check_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot write to the standard output");
}

int run(int argc, char** argv) {
  CLI::App app(
      "Trains attention models in two configurations side by side, and says what really made them learn "
      "differently.",
      "lockstep");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "help of all commands");
  Session session;
  for (int i = 0; i < argc; ++i) session.command_line += (i > 0 ? " " : "") + quoted(argv[i]);
  add_study(app, session);
  add_report(app, session);
  add_train(app, session);
  add_weights(app, session);
  add_info(app, session);
  add_bench(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    fmt::print(stderr, "lockstep: {}\n", wrong_usage(app, error));
    return 2;
  }
  catch_signals();
  const int code = session.action();
  check_output();
  return code;
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
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "lockstep: out of memory: a smaller batch, width or number of threads may help\n");
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lockstep: {}\n", error.what());
    return 1;
  }
}
