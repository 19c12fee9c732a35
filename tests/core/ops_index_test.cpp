// core/ops/index.md names every op that the headers of core/ops declare.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace lockstep {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(OpsIndex, NamesEveryOp) {
  const std::string index = text_of("core/ops/index.md");
  const std::regex declared("\n(?:Tensor&?|Ordered|std::vector<Tensor>|void) ([a-z_0-9]+)\\(");
  const std::set<std::string> internal{"unary", "blas_readable"};  // for ops alone
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator("core/ops")) {
    if (file.path().extension() != ".h") continue;
    const std::string header = text_of(file.path());
    for (std::sregex_iterator match(header.begin(), header.end(), declared), end; match != end; ++match) {
      const std::string name = (*match)[1];
      if (internal.contains(name)) continue;
      ++found;
      EXPECT_NE(index.find("`" + name + "("), std::string::npos) << name << " of " << file.path();
    }
  }
  EXPECT_GT(found, 100);
}

}  // namespace
}  // namespace lockstep
