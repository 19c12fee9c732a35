// Runs fixtures: conformance [FILE.h5 ...], by default every .h5 file of the folder that LOCKSTEP_FIXTURES
// names, or of tests/fixtures. Ends with a table of the kinds, and with 1 if any case failed.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "tests/conformance/kinds.h"

namespace {

using namespace lockstep;
using namespace lockstep::conformance;

Kinds all_kinds() {
  Kinds kinds;
  add_op(kinds);
  add_init(kinds);
  add_modules(kinds);
  add_streams(kinds);
  add_training(kinds);
  return kinds;
}

struct Tally {
  int cases = 0, failed = 0;
  double worst = 0;
  std::string worst_case;
};

std::vector<std::string> fixture_files(const std::string& folder, int argc, char** argv) {
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) files.push_back(folder + "/" + argv[i]);
  if (argc == 1) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".h5") files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  check(!files.empty(), "no .h5 files in {}: set LOCKSTEP_FIXTURES to a folder with fixtures", folder);
  return files;
}

void run_case(const Kinds& kinds, Case& test, Tally& tally) {
  const auto runner = kinds.find(test.kind());
  check(runner != kinds.end(), "nothing runs the kind '{}'", test.kind());
  runner->second(test);
  test.expect_all_used();
  if (test.worst() >= tally.worst) {
    tally.worst = test.worst();
    tally.worst_case = test.name();
  }
}

int run_files(const std::vector<std::string>& files, const std::string& folder) {
  const Kinds kinds = all_kinds();
  std::map<std::string, Tally> tallies;
  int failed = 0;
  for (const std::string& path : files) {
    const h5::File file = h5::File::open(path);
    for (const std::string& name : file.children()) {
      Case test(file.group(name), name, folder);
      Tally& tally = tallies[test.kind()];
      ++tally.cases;
      try {
        run_case(kinds, test, tally);
      } catch (const std::exception& error) {
        ++tally.failed;
        ++failed;
        fmt::print("FAILED {} {}: {}\n", std::filesystem::path(path).filename().string(), name, error.what());
      }
    }
  }
  fmt::print("{:<26}{:>6}{:>8}  {}\n", "kind", "cases", "failed", "largest error / tolerance");
  for (const auto& [kind, tally] : tallies)
    fmt::print("{:<26}{:>6}{:>8}  {:.2g} ({})\n", kind, tally.cases, tally.failed, tally.worst,
               tally.worst_case);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const char* const given = std::getenv("LOCKSTEP_FIXTURES");
    const std::string folder = given ? given : "tests/fixtures";
    return run_files(fixture_files(folder, argc, argv), folder);
  } catch (const std::exception& error) {
    fmt::print(stderr, "conformance: {}\n", error.what());
    return 2;
  }
}
