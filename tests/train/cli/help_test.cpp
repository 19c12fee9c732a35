// --help, the manual page and the shell's completion, which come from one tree of commands.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
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

// The options under "Options:" with what is said of each.
std::vector<std::pair<std::string, std::string>> options_in(const std::string& help) {
  std::vector<std::pair<std::string, std::string>> options;
  std::istringstream lines(help);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with(":") && !line.starts_with(" ")) inside = line == "Options:";
    if (!inside || line.size() < 3) continue;
    if (line.starts_with("  -")) {
      options.emplace_back(line.substr(2), "");
    } else if (!options.empty()) {
      options.back().second += " " + line;
    }
  }
  return options;
}

// What takes a value ("--out TEXT") has a default, or is required.
void expect_defaults(const std::vector<std::string>& words, std::size_t& seen) {
  std::vector<std::string> command = words;
  command.emplace_back("--help");
  for (const auto& [head, rest] : options_in(lockstep(command).out)) {
    const std::string said = head + rest;
    if (said.find(" TEXT") == std::string::npos || said.find(" REQUIRED") != std::string::npos) continue;
    ++seen;
    EXPECT_TRUE(contains(said, "default")) << words.back();
  }
}

TEST(Help, NamesEveryDefault) {
  std::size_t seen = 0;
  for (const std::string& name : commands()) expect_defaults({name}, seen);
  for (const char* part : {"efficiency", "attention"}) expect_defaults({"bench", part}, seen);
  EXPECT_GT(seen, 100u);
  const std::string train = lockstep({"train", "--help"}).out;
  EXPECT_TRUE(contains(train, "default 0.9"));
  EXPECT_TRUE(contains(train, "default by task, copy 300"));
}

// Nothing is promised that the program would refuse.
TEST(Help, EveryOptionOfTrainIsAKeyOrOfItsOwn) {
  const std::set<std::string> own = {
      "--help-all", "--out",           "--resume",           "--every",         "--keep",
      "--probes",   "--threads",       "--device",           "--weights",       "--tensorboard",
      "--explain",  "--allow-missing", "--allow-unexpected", "--allow-rounding"};
  std::set<std::string> keys;
  for (const auto& key : run_keys()) keys.insert(option_of(key.name));
  std::set<std::string> found;
  for (const auto& [head, rest] : options_in(lockstep({"train", "--help"}).out)) {
    const std::string name = head.substr(0, head.find(' '));
    if (name == "-h,--help") continue;
    EXPECT_TRUE(own.contains(name) || keys.contains(name)) << name;
    found.insert(name);
  }
  EXPECT_EQ(found.size(), own.size() + keys.size());
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
