// core/ops/index.md names every op that the headers of core/ops declare, but for those of one tensor in
// elementwise.h: it says what they have in common.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace lockstep {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The name of the function that a line declares, at its very beginning.
std::optional<std::string> declared(const std::string& line) {
  for (const char* type : {"Tensor ", "Tensor& ", "Ordered ", "std::vector<Tensor> ", "void "}) {
    if (!line.starts_with(type)) continue;
    const std::string rest = line.substr(std::string(type).size());
    const std::size_t end = rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789");
    if (end > 0 && end != std::string::npos && rest[end] == '(') return rest.substr(0, end);
  }
  return std::nullopt;
}

TEST(OpsIndex, NamesEveryOp) {
  const std::string index = text_of("core/ops/index.md");
  const std::set<std::string> internal{"unary", "blas_readable"};  // for ops alone
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator("core/ops")) {
    if (file.path().extension() != ".h") continue;
    std::istringstream header(text_of(file.path()));
    for (std::string line; std::getline(header, line);) {
      const std::optional<std::string> name = declared(line);
      const bool of_one =
          file.path().filename() == "elementwise.h" && line.find("(const Tensor& x);") != line.npos;
      if (!name || internal.contains(*name) || of_one) continue;
      ++found;
      EXPECT_NE(index.find("`" + *name + "("), std::string::npos) << *name << " of " << file.path();
    }
  }
  EXPECT_GT(found, 90);
}

}  // namespace
}  // namespace lockstep
