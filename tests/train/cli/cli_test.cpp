// The command line as a user meets it: the program itself, run.
#include "tests/train/cli/cli.h"

#include <gtest/gtest.h>

#include "tests/data/temp_folder.h"

namespace lockstep::train {
namespace {

TEST(CommandLineProgram, ListsTasksAndStudies) {
  const Ended tasks = lockstep({"tasks"});
  EXPECT_EQ(tasks.code, 0);
  EXPECT_TRUE(contains(tasks.out, "copy "));
  EXPECT_EQ(tasks.err, "");
  EXPECT_TRUE(contains(shell("lockstep studies").out, "pytorch-166378"));
}

TEST(CommandLineProgram, WrongInputEndsWithTwo) {
  const Ended unknown = lockstep({"study", "--seads", "3"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.out, "");
  EXPECT_TRUE(contains(unknown.err, "did you mean --seeds?"));
}

}  // namespace
}  // namespace lockstep::train
