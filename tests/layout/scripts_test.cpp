// What holds for every script of the tree.
#include <gtest/gtest.h>

#include "tests/layout/tree.h"

namespace lockstep::layout {
namespace {

// With CDPATH set, a shell looks for a relative folder elsewhere first: a script would go on in a stranger's.
TEST(Scripts, GoToTheirOwnFolderWhateverCDPATHSays) {
  const std::vector<std::string> scripts = files_in({"train", "tests"}, {".sh", ".sbatch"});
  ASSERT_GT(scripts.size(), 5u);
  for (const std::string& script : scripts) {
    for (const std::string& line : lines_of(script)) {
      if (line.find("cd ") == std::string::npos || line.find("dirname") == std::string::npos) continue;
      EXPECT_NE(line.find("CDPATH= cd -- "), std::string::npos) << script << ": " << line;
    }
  }
}

}  // namespace
}  // namespace lockstep::layout
