// Tables, and the commands that show them, on terminals of 50 columns and more.
#include "train/text/table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <span>

#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"

namespace lockstep::train {
namespace {

Table two_rows(int width) {
  Table table({{"arm"}, {"steps", true}, {"note"}}, width);
  table.add({"A0", "71.25", "both"})
      .add({"A1", "3.5", coloured("one", "33")}, {"what must be known beside it"});
  return table;
}

TEST(Table, StandsInColumnsWhereItFits) {
  EXPECT_EQ(two_rows(18).text(),
            "arm  steps  note\n"
            "A0   71.25  both\n"
            "A1     3.5  \033[33mone\033[0m\n"
            "    what must be\n"
            "    known beside\n"
            "    it\n");
  EXPECT_EQ(two_rows(unlimited).ruled().head(), "arm  steps  note\n----------------\n");
}

TEST(Table, BecomesBlocksWhereItDoesNot) {
  Table table({{"arm"}, {"steps", true}, {"note"}}, 15);
  table.ruled().add({"A0", "71.25", "a long one, which is wrapped"}, {"below"});
  EXPECT_EQ(table.text(),
            "A0\n"
            "  steps  71.25\n"
            "  note   a long\n"
            "         one,\n"
            "         which\n"
            "         is\n"
            "         wrapped\n"
            "    below\n");
  Table numbers({{"tokens", true}, {"milliseconds", true}}, 12);
  numbers.add({"64", "0.5"});
  EXPECT_EQ(numbers.text(), "tokens 64\n  milliseconds  0.5\n");
}

TEST(Table, RowsThatComeOneByOneAreAsWideAsTheirColumns) {
  const Table table({{"tokens", true}, {"ms", true, 7}}, 80);
  EXPECT_EQ(table.head() + table.row({"64", "0.123"}), "tokens       ms\n    64    0.123\n");
}

TEST(TextLayout, FurtherLinesHang) {
  EXPECT_EQ(hanging("name  ", "one two", 20), "name  one two\n");
  EXPECT_EQ(hanging("name  ", "one two", 10), "name  one\n      two\n");
  EXPECT_EQ(indented("a\nb\n", 2), "  a\n  b\n");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    std::erase(line, '\r');
    lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

// What a reader of 50 or 80 columns sees is broken by the commands, not by the terminal.
TEST(NarrowTerminal, NoLineIsLongerThanIt) {
  const TempFolder folder;
  const std::string small = "--layers 1 --width 16 --heads 2 --mlp 16 --batch 8";
  const Surroundings around{.folder = folder.path()};
  const auto made = [&](const std::string& line) { ASSERT_EQ(shell(line, around).code, 0) << line; };
  made("lockstep train --task copy " + small + " --steps 10 --out a");
  made("lockstep study --task copy " + small +
       " --seeds 6 --steps 12 --curve-steps 4 --threshold 2.75 --lr 0.01 "
       "--tune off --out s");
  const std::vector<std::string> commands = {
      "report s",
      "inspect a",
      "bench --model toy --attention combined --threads 1 --seconds 0.01 --profile",
      "doctor",
      "tasks",
      "studies",
      "repro",
      "eval a",
      "sample a",
      "bench efficiency --widths 32 --tokens 32 --seconds 0.01",
      "bench attention --tokens 16 --head-sizes 16 --seconds 0.01",
      "train --task copy " + small + " --steps 10 --out b"};
  const auto expect_lines_fit = [&](int columns, const std::string& command) {
    const Ended ended =
        shell(fmt::format("TERM=xterm script -qec 'stty cols {}; lockstep {}' /dev/null", columns, command),
              around);
    EXPECT_EQ(ended.code, 0) << command << ended.out;
    EXPECT_FALSE(ended.out.empty()) << command;
    for (const std::string& line : lines_of(ended.out)) {
      const bool redrawn = line.find("\033[K") != std::string::npos,
                 path = line.find('/') != std::string::npos;
      if (redrawn || path) continue;
      EXPECT_LE(display_width(line), columns) << command << ": " << line;
    }
  };
  for (const std::string& command : commands) expect_lines_fit(50, command);
  for (const std::string& command : std::span(commands).first(3)) expect_lines_fit(80, command);
}

}  // namespace
}  // namespace lockstep::train
