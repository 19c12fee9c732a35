#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lockstep::train {

// How a program ended, and what it wrote.
struct Ended {
  int code = 0;  // exit code; 128 + the signal that ended it
  std::string out, err;
  double seconds = 0;  // wall time
};

struct Surroundings {
  std::filesystem::path folder = std::filesystem::current_path();  // where it runs
  std::map<std::string, std::string> environment = {};             // beside that of the tests
  std::int64_t file_bytes = 0;  // no file may grow beyond: stands for a full disk; 0: no limit
  bool locks = true;            // false: flock() fails, as on a file system that has none
};

// A program run as a user runs it, in a process of its own; "lockstep" is the one that was built with the
// tests. stdin is empty. It never outlives the object, nor the test program.
//
//   Program study({"lockstep", "study", "small.toml", "--out", folder / "a"});
//   study.signal(SIGINT);
//   EXPECT_EQ(study.wait().code, 130);
class Program {
 public:
  explicit Program(const std::vector<std::string>& command, const Surroundings& surroundings = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  pid_t id() const { return process_; }
  void signal(int number);
  // What it wrote so far.
  std::string out() const;
  std::string err() const;
  // Waits for its end. Throws, and kills it, if that takes longer than `seconds`.
  Ended wait(double seconds = 30);

 private:
  int out_ = -1, err_ = -1;  // files in memory
  pid_t process_ = -1;       // -1: ended and waited for
  double start_ = 0;
};

// lockstep with these arguments, to its end.
Ended lockstep(std::vector<std::string> arguments, const Surroundings& surroundings = {});

// A line as typed into a shell, where lockstep is found.
Ended shell(const std::string& line, const Surroundings& surroundings = {});

}  // namespace lockstep::train
