#include "train/text/terminal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/train/cli/cli.h"

namespace lockstep::train {
namespace {

TEST(Terminal, TheLongestWordingThatFitsIsTaken) {
  EXPECT_EQ(fitting({"a long line", "short", "s"}, 80), "a long line");
  EXPECT_EQ(fitting({"a long line", "short", "s"}, 11), "short");
  EXPECT_EQ(fitting({"a long line", "short"}, 4), "sho");
  EXPECT_EQ(fitting({"±±±±", "x"}, 5), "±±±±");  // columns, not bytes
}

// On a terminal of so many columns, which script(1) makes.
Ended on_terminal(int columns, const std::string& environment, const std::string& command) {
  return shell(fmt::format("{} script -qec 'stty cols {}; {}' /dev/null", environment, columns, command));
}

TEST(Terminal, ColoursAreLeftOutWhereNoColorIsSet) {
  const std::string wrong = "lockstep nonsense";
  EXPECT_NE(on_terminal(80, "TERM=xterm NO_COLOR=", wrong).out.find("\033[1;31mlockstep:\033[0m"),
            std::string::npos);
  EXPECT_EQ(on_terminal(80, "TERM=xterm NO_COLOR=1", wrong).out.find("\033["), std::string::npos);
  EXPECT_EQ(on_terminal(80, "TERM=dumb", wrong).out.find("\033["), std::string::npos);
}

TEST(Terminal, ProgressKeepsOneLineOfFiftyColumns) {
  const Ended ended =
      on_terminal(50, "TERM=xterm",
                  "lockstep train --layers 1 --width 16 --heads 2 --mlp 16 --batch 64 --steps 400 "
                  "--out /tmp/lockstep-terminal-$$ > /dev/null; rm -r /tmp/lockstep-terminal-$$");
  std::size_t lines = 0;
  for (std::size_t at = ended.out.find("\r\033[K"); at != std::string::npos;
       at = ended.out.find("\r\033[K", at + 1)) {
    const std::string line = ended.out.substr(at + 4, ended.out.find('\r', at + 4) - at - 4);
    EXPECT_LT(line.size(), 50u) << line;
    lines += !line.empty();
  }
  EXPECT_GE(lines, 1u) << ended.out;
}

}  // namespace
}  // namespace lockstep::train
