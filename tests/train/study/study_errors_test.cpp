// Wrong input of lockstep study: a clear error, exit code 2, and nothing half-made.
#include <gtest/gtest.h>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "tests/train/study/small_study.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;

class StudyErrors : public testing::Test {
 protected:
  void SetUp() override { data::write_file(folder_ / "small.toml", small_study); }

  Ended study(const std::string& out, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"study", folder_ / "small.toml", "--out", folder_ / out};
    words.insert(words.end(), more.begin(), more.end());
    return lockstep(words);
  }

  void expect_error(const Ended& ended, const std::string& part) {
    EXPECT_EQ(ended.code, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_TRUE(contains(ended.err, part));
    EXPECT_TRUE(contains(ended.err, "lockstep: "));
  }

  TempFolder folder_;
};

TEST_F(StudyErrors, OfTheCommandLine) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"studdy"}, "there is no command studdy: did you mean study?"},
      {{"study", "defalt"}, "there is no study \"defalt\" (did you mean default?)"},
      {{"study", "no.toml"}, "cannot read no.toml: No such file"},
      {{"study", "--weight-decai", "1"}, "study has no option --weight-decai: did you mean --weight-decay?"},
      {{"study", "--steps"}, "--steps needs a value: training steps"},
      {{"study", "--weight-decay", "fast"}, "--weight-decay fast: expected a number"},
      {{"study", "--threads", "-1"},
       "--threads -1: expected a whole number from 0 to 4096 (0: one for each core)"},
      {{"study", "--seeds", "-3"}, "--seeds -3: expected a whole number from 1 to 10000"},
      {{"study", "--lr", "1", "--lr", "2"}, "--lr is given 2 times: expected once"},
      {{"study", "--resume=yes"}, "--resume takes no value"},
      {{"study", "default", "copy"}, "study expects no further argument: got copy"},
      {{"eval"}, "eval needs a checkpoint"},
      {{"train", "--threads", "4294967298"}, "--threads 4294967298: expected a whole number from 1 to 1024"},
      {{"train", "--layers", "4294967296"}, "--layers 4294967296: expected a whole number from 1 to 1000"},
      {{"train", "--width", "010"}, "--width 010: expected a whole number"},
      {{"train", "--lr", ""}, "--lr \"\": expected a number, more than 0"},
      {{"train", "--lr", "nan"}, "--lr nan: expected a number"},
      {{"study", "--part-factors", "on", "--tune", "off"}, "set tune = \"own\", or leave it out"},
      {{"train", "--init", "kaiming"}, "did you mean \"kaiming_normal\"?"},
      {{"train", "--optimizer", "sgd", "--beta1", ".5"},
       "sgd has no beta1: leave it out; it has weight_decay"},
      {{"sample", "checkpoint.h5", "--seed", "-1"}, "--seed -1: expected a whole number from 0"},
      {{"bench", "--threads", "1,0"}, "--threads 0: expected a whole number from 1 to 1024"},
  };
  for (const auto& [words, part] : cases) expect_error(lockstep(words, {.folder = folder_.path()}), part);
  EXPECT_EQ(names_in(folder_.path()), std::vector<std::string>{"small.toml"});
}

TEST_F(StudyErrors, LeaveNoFolderBehind) {
  data::write_file(folder_ / "bad.toml", small_study + "steeps = 3\n");
  expect_error(lockstep({"study", folder_ / "bad.toml", "--out", folder_ / "a"}),
               "bad.toml:16: unknown key \"steeps\": did you mean \"steps\"?");
  expect_error(study("a/b", {"--threshold", "9"}), "threshold = 9 lies above the very first training loss");
  expect_error(study("a", {"--resume"}), "there is no study in " + (folder_ / "a") + ": leave --resume out");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(StudyErrors, OfTheOutputFolder) {
  expect_error(study("small.toml"), "is a file: expected a folder");
  expect_error(study("small.toml/a"), "cannot make this folder: Not a directory");
  const Ended first = study("a", {"--seeds", "1"}), again = study("a", {"--seeds", "1"});
  ASSERT_EQ(first.code, 0);
  EXPECT_EQ(again.code, 0);  // nothing is left to train: the verdict again
  EXPECT_EQ(again.out, first.out);
  const std::string before = data::read_file(folder_ / "a/study.h5");
  expect_error(study("a", {"--seeds", "2", "--lr", "0.5"}),
               "holds another study (there, asked for): lr: 0.01, 0.5; seeds: 1, 2: choose another --out");
  expect_error(study("a", {"--seeds", "2", "--resume"}), "seeds: 1, 2");
  EXPECT_EQ(data::read_file(folder_ / "a/study.h5"), before);

  fs::create_directory(folder_ / "mine");
  data::write_file(folder_ / "mine/study.toml", small_study);
  expect_error(lockstep({"study", folder_ / "mine/study.toml", "--out", folder_ / "mine"}),
               "study.toml exists, and would be overwritten");
  EXPECT_EQ(data::read_file(folder_ / "mine/study.toml"), small_study);
}

TEST_F(StudyErrors, OfAStudyFileThatIsNone) {
  ASSERT_EQ(study("a", {"--seeds", "1"}).code, 0);
  const std::string whole = data::read_file(folder_ / "a/study.h5");
  const std::size_t sizes[] = {0, 1, 7, 100, 2'000, whole.size() / 2, whole.size() - 100};
  for (const std::size_t size : sizes) {
    data::write_file(folder_ / "a/study.h5", whole.substr(0, size));
    expect_error(study("a", {"--seeds", "1", "--resume"}), "study.h5");
  }
  data::write_file(folder_ / "a/study.h5", "# Some text\n");
  expect_error(study("a", {"--resume"}), "study.h5: not an HDF5 file");
  h5::File foreign = h5::File::create(folder_ / "a/study.h5");
  foreign.set_attribute("format", "something else");
  foreign.commit();
  expect_error(study("a", {"--resume"}), "is not a study file of this version");
}

TEST_F(StudyErrors, WhatARunMayDoIsSaidAndCounted) {
  const Ended censored = study("censored", {"--threshold", "0.01", "--causes", "rounding", "--seeds", "3"});
  ASSERT_EQ(censored.code, 0) << censored.err;
  EXPECT_TRUE(contains(censored.out, "3 pairs, of which 3 censored"));
  EXPECT_TRUE(contains(censored.out, "3 seeds can give no verdict"));
  const std::string runs = data::read_file(folder_ / "censored/runs.csv");
  EXPECT_TRUE(contains(runs, "A0,adam,xavier_uniform,0,,2."));  // no steps to the threshold, but a mean loss
  EXPECT_TRUE(contains(runs, ",1,0,0,8,"));

  const Ended diverged = study("diverged", {"--lr", "1e30", "--causes", "rounding", "--seeds", "3"});
  ASSERT_EQ(diverged.code, 0) << diverged.err;
  EXPECT_TRUE(contains(diverged.out, "diverged"));
}

}  // namespace
}  // namespace lockstep::train
