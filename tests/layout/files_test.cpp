// What every file of the tree has in common: headers say what they are for, and none is long.
#include <gtest/gtest.h>

#include <regex>

#include "tests/layout/tree.h"

namespace lockstep::layout {
namespace {

// The first line that declares or says something: no directive, namespace or forward declaration.
std::string first_word_of(const std::string& header) {
  static const std::regex passed_over(R"(|#.*|namespace .*|\}.*|(class|struct) [\w:]+;.*)");
  for (const std::string& line : lines_of(header))
    if (!std::regex_match(line, passed_over)) return line;
  return "";
}

// A header that only gathers others says so in its comment, too.
TEST(Files, HeadersBeginWithWhatTheyAreFor) {
  const std::vector<std::string> headers = files_in({"core", "nn", "optim", "data", "train"}, {".h"});
  EXPECT_GT(headers.size(), 300u);
  for (const std::string& header : headers)
    EXPECT_TRUE(first_word_of(header).starts_with("//")) << header << ": " << first_word_of(header);
}

TEST(Files, HaveAtMost400Lines) {
  const std::vector<std::string> files = files_in(
      {"core", "nn", "optim", "data", "train", "tests"},
      {".h", ".cpp", ".cu", ".py", ".sh", ".js", ".css", ".html", ".cmake", ".toml", ".md", ".sbatch"});
  EXPECT_GT(files.size(), 700u);
  for (const std::string& file : files) EXPECT_LE(lines_of(file).size(), 400u) << file;
}

}  // namespace
}  // namespace lockstep::layout
