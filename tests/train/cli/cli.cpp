#include "tests/train/cli/cli.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "core/error.h"
#include "tests/core/refused_calls.h"

namespace lockstep::train {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int file_in_memory(const char* name) {
  const int file = memfd_create(name, MFD_CLOEXEC);
  check(file >= 0, "cannot make a file in memory: {}", std::strerror(errno));
  return file;
}

std::string content(int file) {
  struct stat status {};
  check(fstat(file, &status) == 0, "cannot read a file in memory: {}", std::strerror(errno));
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  check(size >= 0, "cannot read a file in memory: {}", std::strerror(errno));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::vector<std::string> environment_of(const Surroundings& surroundings) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  const std::string folder = std::filesystem::path(LOCKSTEP_PROGRAM).parent_path().string();
  variables["PATH"] = folder + ":" + variables["PATH"];
  for (const auto& [name, value] : surroundings.environment) variables[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

// In the child, after fork(): nothing here allocates.
[[noreturn]] void become(const char* program, char** arguments, char** environment, const char* folder,
                         std::int64_t file_bytes, bool locks, int out, int err) {
  // What a shell's foreground job has, whatever the tests were started with.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}) std::signal(number, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (file_bytes > 0) {
    const rlimit limit{static_cast<rlim_t>(file_bytes), static_cast<rlim_t>(file_bytes)};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  const int nothing = open("/dev/null", O_RDONLY);
  if (!locks && !refuse_call(SYS_flock, ENOLCK)) _exit(126);
  if (chdir(folder) == 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
      dup2(err, STDERR_FILENO) >= 0) {
    execvpe(program, arguments, environment);
  }
  _exit(127);
}

}  // namespace

Program::Program(const std::vector<std::string>& command, const Surroundings& surroundings)
    : out_(file_in_memory("stdout")), err_(file_in_memory("stderr")), start_(now()) {
  std::vector<std::string> words = command, environment = environment_of(surroundings);
  const std::vector<char*> arguments = pointers(words), variables = pointers(environment);
  const std::string program = command.at(0) == "lockstep" ? LOCKSTEP_PROGRAM : command.at(0);
  const std::string folder = surroundings.folder.string();
  process_ = fork();
  check(process_ >= 0, "cannot start {}: {}", program, std::strerror(errno));
  if (process_ == 0) {
    become(program.c_str(), const_cast<char**>(arguments.data()), const_cast<char**>(variables.data()),
           folder.c_str(), surroundings.file_bytes, surroundings.locks, out_, err_);
  }
}

Program::~Program() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  close(out_);
  close(err_);
}

void Program::signal(int number) {
  if (process_ > 0) kill(process_, number);
}

std::string Program::out() const { return content(out_); }
std::string Program::err() const { return content(err_); }

Ended Program::wait(double seconds) {
  check(process_ > 0, "the program has ended and was waited for");
  const double until = now() + seconds;
  int status = 0;
  for (std::chrono::microseconds pause(200); waitpid(process_, &status, WNOHANG) == 0;) {
    if (now() > until) {
      kill(process_, SIGKILL);
      waitpid(std::exchange(process_, -1), nullptr, 0);
      fail("the program took longer than {} s; it wrote: {}{}", seconds, out(), err());
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::microseconds(5'000));
  }
  process_ = -1;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.code = code, .out = out(), .err = err(), .seconds = now() - start_};
}

Ended lockstep(std::vector<std::string> arguments, const Surroundings& surroundings) {
  arguments.insert(arguments.begin(), "lockstep");
  return Program(arguments, surroundings).wait();
}

Ended shell(const std::string& line, const Surroundings& surroundings) {
  return Program({"sh", "-c", line}, surroundings).wait();
}

}  // namespace lockstep::train
