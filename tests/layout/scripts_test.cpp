// What holds for every script of the repository.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace lockstep {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> scripts() {
  std::vector<fs::path> found;
  for (const char* folder : {"train", "tests"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      const fs::path ending = entry.path().extension();
      if (ending == ".sh" || ending == ".sbatch") found.push_back(entry.path());
    }
  }
  return found;
}

// With CDPATH set, a shell looks for a relative folder elsewhere first: a script would go on in a stranger's.
TEST(Scripts, GoToTheirOwnFolderWhateverCDPATHSays) {
  ASSERT_GT(scripts().size(), 5U);
  for (const fs::path& script : scripts()) {
    std::ifstream file(script);
    int number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      if (line.find("dirname") == std::string::npos || line.find("cd ") == std::string::npos) continue;
      EXPECT_NE(line.find("CDPATH= cd -- "), std::string::npos) << script << ", line " << number;
    }
  }
}

}  // namespace
}  // namespace lockstep
