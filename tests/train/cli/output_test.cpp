// The command line itself, and output that cannot be written.
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "tests/train/study/small_study.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;

// A model of a few hundred weights.
std::string small(const std::string& out, int steps) {
  return "train --layers 1 --width 8 --heads 2 --mlp 8 --batch 4 --every 10 --steps " +
         std::to_string(steps) + " --out '" + out + "'";
}

TEST(CommandLine, SaysItsVersionAndWhatItCanDo) {
  const Ended version = lockstep({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(contains(version.out, "lockstep 0."));
  const Ended alone = lockstep({}), help = lockstep({"--help"});
  EXPECT_EQ(alone.code, 0);
  EXPECT_EQ(alone.out, help.out);
  EXPECT_TRUE(contains(alone.out, "study"));
}

TEST(Output, HelpThatCannotBeWrittenIsAnError) {
  for (const char* words : {"--help", "--help-all", "--version", "", "inspect --help"}) {
    const Ended ended = shell(std::string("lockstep ") + words + " >/dev/full");
    EXPECT_EQ(ended.code, 1) << words;
    EXPECT_TRUE(contains(ended.err, "cannot write to the standard output: No space left on device")) << words;
  }
}

// Progress that nobody can read is dropped: the training ends as always.
TEST(Output, WithoutStderrATrainingEndsAsAlways) {
  TempFolder folder;
  for (const auto& [name, redirected] : {std::pair("closed", " 2>&-"), std::pair("full", " 2>/dev/full")}) {
    const std::string out = folder / name;
    const Ended ended = shell("lockstep " + small(out, 20) + redirected);
    EXPECT_EQ(ended.code, 0) << redirected;
    EXPECT_TRUE(fs::exists(out + "/checkpoint.h5"));
  }
}

// What was asked for is the files; that the lines got nowhere is said at the end.
TEST(Output, WithoutStdoutATrainingIsSavedAndFails) {
  TempFolder folder;
  for (const auto& [name, redirected] : {std::pair("closed", " >&-"), std::pair("full", " >/dev/full")}) {
    const std::string out = folder / name;
    const Ended ended = shell("lockstep " + small(out, 20) + redirected);
    EXPECT_EQ(ended.code, 1) << redirected;
    EXPECT_TRUE(contains(ended.err, "cannot write to the standard output: ")) << ended.err;
    EXPECT_TRUE(fs::exists(out + "/checkpoint.h5"));
  }
}

// lockstep train | head -1
TEST(Output, AReaderThatGoesDoesNotEndATraining) {
  TempFolder folder;
  const std::string out = folder / "a";
  shell("lockstep " + small(out, 400) + " | head -n 1");
  EXPECT_EQ(h5::File::open(out + "/checkpoint.h5").attribute<std::int64_t>("steps_done"), 400);
}

// A terminal that closes takes the output along and sends SIGHUP.
TEST(Output, AHangUpSavesLikeCtrlC) {
  TempFolder folder;
  Program program({"sh", "-c", "exec lockstep " + small(folder / "a", 1'000'000) + " 2>/dev/full"});
  for (int i = 0; i < 5000 && program.out().find("step") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.signal(SIGHUP);
  EXPECT_EQ(program.wait().code, 130);
  EXPECT_TRUE(fs::exists(folder / "a/checkpoint.h5"));
}

// Said once in each sitting; all else is as always.
TEST(Output, AFileSystemWithoutLocksIsSaidAndWorks) {
  TempFolder folder;
  const Surroundings without{.folder = folder.path(), .locks = false};
  const auto expect_said_once = [&](const std::string& command) {
    const Ended ended = shell("lockstep " + command, without);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const std::string said = "this file system has no locks (No locks available)";
    EXPECT_EQ(ended.err.find(said), ended.err.rfind(said)) << ended.err;
    EXPECT_TRUE(contains(ended.err, said));
  };
  const std::string out = folder / "a";
  expect_said_once(small(out, 20) + " --schedule constant --warmup 0");
  expect_said_once(small(out, 30) + " --resume");
  EXPECT_EQ(h5::File::open(out + "/checkpoint.h5").attribute<std::int64_t>("steps_done"), 30);
  data::write_file(folder / "small.toml", small_study);
  expect_said_once("study small.toml --out s");
  expect_said_once("study small.toml --out s --resume");
  EXPECT_EQ(shell("lockstep report s", without).code, 0);
}

// OpenBLAS itself would try for ever.
TEST(Output, TooLittleMemoryForOpenBlasIsAnError) {
  TempFolder folder;
  const Ended ended = shell("ulimit -v 200000; lockstep " + small(folder / "a", 20));
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "raise the limit (ulimit -v)")) << ended.err;
}

// Commands that have nothing to save end at the first signal.
TEST(Output, BenchEndsAtTheFirstSignal) {
  for (const int number : {SIGINT, SIGTERM}) {
    Program program({"lockstep", "bench", "--model", "copy", "--seconds", "60"});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    program.signal(number);
    EXPECT_EQ(program.wait(5).code, 128 + number);
  }
}

}  // namespace
}  // namespace lockstep::train
