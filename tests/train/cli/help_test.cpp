// --help, the manual page and the shell's completion, which come from one tree of commands.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "train/config/key.h"
#include "train/text/text_layout.h"

namespace lockstep::train {
namespace {

// The names under "Subcommands:".
std::vector<std::string> commands() {
  std::vector<std::string> names;
  std::istringstream lines(lockstep({"--help"}).out);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (inside && line.size() > 2 && line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
    inside |= line == "Subcommands:";
  }
  return names;
}

TEST(Help, OfEveryCommandEndsWithAnExample) {
  const std::vector<std::string> names = commands();
  ASSERT_GE(names.size(), 14u);
  for (const std::string& name : names) {
    const std::string help = lockstep({name, "--help"}).out;
    EXPECT_TRUE(contains(help, "\nExample: lockstep " + name)) << help;
    std::istringstream lines(help.substr(0, help.find("\nExample")));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100) << line;
  }
}

TEST(Help, NamesEveryKey) {
  const std::string study = lockstep({"study", "--help"}).out, train = lockstep({"train", "--help"}).out;
  for (const auto& key : run_keys()) {
    EXPECT_TRUE(contains(study, "\n  " + option_of(key.name) + " "));
    EXPECT_TRUE(contains(train, "\n  " + option_of(key.name) + " "));
  }
  for (const auto& key : experiment_keys()) EXPECT_TRUE(contains(study, "\n  " + option_of(key.name) + " "));
}

TEST(Help, TheManualHasASectionForEveryCommand) {
  const std::string manual = lockstep({"manual"}).out;
  for (const std::string& name : commands()) EXPECT_TRUE(contains(manual, "\n.SS " + name));
  EXPECT_TRUE(contains(manual, "\n.B \\-\\-curve\\-steps\n"));
}

TEST(Help, BashCompletesCommandsAndOptions) {
  const auto completed = [](const std::string& words, const std::string& at) {
    return shell("bash -c 'source <(lockstep completion); COMP_WORDS=(" + words + "); COMP_CWORD=" + at +
                 "; _lockstep; echo \"${COMPREPLY[@]}\"'")
        .out;
  };
  EXPECT_EQ(completed("lockstep stu", "1"), "study studies\n");
  EXPECT_EQ(completed("lockstep study --see", "2"), "--seed --seeds\n");
  EXPECT_EQ(completed("lockstep bench tape --j", "3"), "--json\n");
}

}  // namespace
}  // namespace lockstep::train
