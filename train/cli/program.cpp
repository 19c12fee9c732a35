// The frame of every program: its commands, signals, errors and exit codes.
#include "train/cli/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <new>
#include <sstream>

#include "core/error.h"
#include "core/joined.h"
#include "train/cli/commands.h"
#include "train/cli/help.h"
#include "train/cli/manual.h"
#include "train/text/output.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"

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
  std::signal(SIGPIPE, SIG_IGN);  // who read the output is gone: an error of the write, reported at the end
}

// What a shell and man(1) want to know, from the same text as --help.
void add_shell(CLI::App& app, Session& session) {
  const auto prints = [&app, &session](const char* name, const char* help, auto make) {
    app.add_subcommand(name, help)->callback([&app, &session, make] {
      session.action = [&app, make] {
        show_text(make(app));
        return 0;
      };
    });
  };
  prints("completion", "a script that lets bash and zsh complete commands and options",
         [](const CLI::App& all) { return completion_script(all); });
  prints("manual", "the manual page, as man(1) reads it",
         [](const CLI::App& all) { return manual_page(all, LOCKSTEP_VERSION); });
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

// A program started without stdin, stdout or stderr (2>&-) would give their numbers to the next files it
// opens, and write its progress into them.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      // Opened the wrong way round, so that what is written there fails, and is reported as such.
      (void)open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

// An error, on stderr.
void complain(const std::string& message) {
  say("{} {}\n", wants_colour(STDERR_FILENO) ? coloured("lockstep:", "1;31") : "lockstep:", message);
}

int run(const Program& program, Session& session, int argc, char** argv) {
  open_standard_streams();
  // A file grown to the limit of its size is an error of the write, reported like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app(program.description, program.name);
  app.require_subcommand(0, 1);
  app.formatter(std::make_shared<HelpFormatter>(terminal_width()));
  app.set_version_flag("--version", fmt::format("{} {}", program.name, LOCKSTEP_VERSION));
  app.set_help_all_flag("--help-all", "help of all commands");
  for (int i = 0; i < argc; ++i) session.command_line += (i > 0 ? " " : "") + quoted(argv[i]);
  for (const auto add : program.commands) add(app, session);
  add_shell(app, session);
  add_examples(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      std::ostringstream text;
      app.exit(error, text, text);
      show_text(text.str());
      check_output();
      return 0;
    }
    complain(wrong_usage(app, error));
    return 2;
  }
  if (!session.action) {
    show_text(app.help());
    check_output();
    return 0;
  }
  const int code = session.action();
  check_output();
  return code;
}

}  // namespace

std::set<std::string> names_of(const Typed& typed) {
  std::set<std::string> names;
  for (const auto& [key, text] : typed) names.insert(key);
  return names;
}

std::string with_default(const std::string& help, const std::string& what) {
  const bool said = help.find("default") != std::string::npos;
  return said || what.empty() ? help : help + "; " + what;
}

CLI::Option* add_numbers(CLI::App& command, const std::string& option, std::vector<std::int64_t>& values,
                         const Range& range, const std::string& help) {
  std::vector<std::string> defaults;
  for (const std::int64_t value : values) defaults.push_back(std::to_string(value));
  return command
      .add_option_function<std::vector<std::string>>(
          option,
          [option, &values, range](const std::vector<std::string>& texts) {
            values.clear();
            for (const std::string& text : texts)
              values.push_back(number_from<std::int64_t>(option, text, range));
          },
          with_default(fmt::format("{}, each {}", help, range.text()), "default " + joined(defaults, ",")))
      ->delimiter(',');
}

const std::atomic<bool>& stop_requested() {
  static const bool caught = (catch_signals(), true);
  (void)caught;
  return stop;
}

int run_program(const Program& program, Session& session, int argc, char** argv) {
  try {
    return run(program, session, argc, argv);
  } catch (const Error& error) {
    complain(printable(error.what()));
    return 2;
  } catch (const std::bad_alloc&) {
    complain("out of memory: a smaller batch, width or number of threads may help");
    return 1;
  } catch (const std::exception& error) {
    complain(printable(error.what()));
    return 1;
  }
}

}  // namespace lockstep::train::cli
