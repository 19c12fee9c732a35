// conformance [FILE.h5 ...]: runs every case of every .h5 file in the folder that LOCKSTEP_FIXTURES names,
// else of the named files, or of all, in tests/fixtures. Ends with a table of the kinds, and with 1 if any
// case failed.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>

#include "tests/conformance/kinds.h"

namespace {

using namespace lockstep;
using namespace lockstep::conformance;

Kinds all_kinds() {
  Kinds kinds;
  add_op(kinds);
  add_modules(kinds);
  if (test_device() != Device::cpu) return kinds;
  add_init(kinds);
  add_streams(kinds);
  add_optimizer(kinds);
  add_schedule(kinds);
  add_training(kinds);
  return kinds;
}

struct Tally {
  int cases = 0, failed = 0;
  double worst = 0;
  std::string worst_case;
};

std::vector<std::string> fixture_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".h5") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  check(!files.empty(), "no .h5 files in {}: set LOCKSTEP_FIXTURES to a folder with fixtures", folder);
  return files;
}

void run_case(const Kinds& kinds, Case& test) {
  const auto runner = kinds.find(test.kind());
  check(runner != kinds.end(), "nothing runs the kind '{}'", test.kind());
  runner->second(test);
  test.expect_all_used();
}

class Report {
 public:
  void leave_out() { ++left_out_; }
  void add(const std::string& kind, const std::string& name, double worst) {
    Tally& tally = tallies_[kind];
    ++tally.cases;
    if (tally.worst_case.empty() || worst > tally.worst) {
      tally.worst = worst;
      tally.worst_case = name;
    }
  }
  void fail(const std::string& kind, const std::string& where, const std::string& what) {
    ++tallies_[kind].failed;
    ++failed_;
    fmt::print("FAILED {}: {}\n", where, what);
  }
  int failed() const { return failed_; }
  void print() const {
    fmt::print("{:<26}{:>6}{:>8}  {}\n", "kind", "cases", "failed", "largest error / tolerance");
    for (const auto& [kind, tally] : tallies_)
      fmt::print("{:<26}{:>6}{:>8}  {:.2g} ({})\n", kind, tally.cases, tally.failed, tally.worst,
                 tally.worst_case);
    if (test_device() != Device::cpu)
      fmt::print("on {}; {} cases of other kinds were left out\n", name_of(test_device()), left_out_);
  }

 private:
  std::map<std::string, Tally> tallies_;
  int failed_ = 0, left_out_ = 0;
};

constexpr const char* not_a_case = "(not a case)";

void run_file(const Kinds& kinds, const std::string& path, Report& report) {
  const std::filesystem::path file_path(path);
  const h5::File file = h5::File::open(path);
  for (const std::string& name : file.children()) {
    const std::string where = file_path.filename().string() + " " + name;
    std::optional<Case> test;
    try {
      test.emplace(file.group(name), name, file_path.parent_path().string());
      if (test_device() != Device::cpu && !kinds.contains(test->kind())) {
        report.leave_out();
        continue;
      }
      run_case(kinds, *test);
    } catch (const std::exception& error) {
      report.fail(test ? test->kind() : not_a_case, where, error.what());
    }
    report.add(test ? test->kind() : not_a_case, name, test ? test->worst() : 0);
  }
}

int run_files(const std::vector<std::string>& files) {
  const Kinds kinds = all_kinds();
  Report report;
  for (const std::string& path : files) {
    try {
      run_file(kinds, path, report);
    } catch (const std::exception& error) {
      report.fail("(not a file of cases)", path, error.what());
    }
  }
  report.print();
  return report.failed() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const char* const given = std::getenv("LOCKSTEP_FIXTURES");
    if (given && *given) return run_files(fixture_files(given));
    const std::string own = "tests/fixtures";
    std::vector<std::string> files;
    for (int i = 1; i < argc; ++i) files.push_back(own + "/" + argv[i]);
    return run_files(files.empty() ? fixture_files(own) : files);
  } catch (const std::exception& error) {
    fmt::print(stderr, "conformance: {}\n", error.what());
    return 2;
  }
}
