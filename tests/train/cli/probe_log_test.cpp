#include <gtest/gtest.h>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"

namespace lockstep::train {
namespace {

std::vector<std::string> train_into(const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words = {"train", "--layers", "1",       "--width", "8",     "--heads", "2",
                                    "--mlp", "8",        "--batch", "4",       "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Resumed by its folder alone, a training goes on measuring, and the file is that of one that was not
// interrupted.
TEST(ProbeLog, AnInterruptedTrainingWritesTheSameRows) {
  TempFolder folder;
  const std::string keys = "gradient_norm,head_scores";
  const Ended whole = lockstep(train_into(folder / "a", {"--steps", "35", "--probes", keys}));
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_TRUE(contains(whole.out, "probes.csv")) << whole.out;
  ASSERT_EQ(lockstep(train_into(folder / "b", {"--steps", "15", "--probes", keys})).code, 0);
  const Ended longer = lockstep({"train", "--resume", "--steps", "35", "--out", folder / "b"});
  ASSERT_EQ(longer.code, 0) << longer.err;
  const std::string rows = data::read_file(folder / "a/probes.csv");
  EXPECT_EQ(rows, data::read_file(folder / "b/probes.csv"));
  EXPECT_TRUE(contains(rows, "\n0,gradient_norm,blocks.0.attn.q,")) << rows.substr(0, 400);
  EXPECT_TRUE(contains(rows, "\n30,head_scores,"));
  EXPECT_FALSE(contains(rows, "stable_rank"));
}

TEST(ProbeLog, UnknownProbesAndForeignFilesAreRefused) {
  TempFolder folder;
  const Ended wrong = lockstep(train_into(folder / "a", {"--steps", "2", "--probes", "gradient_nrom"}));
  EXPECT_EQ(wrong.code, 2);
  EXPECT_TRUE(contains(wrong.err, "gradient_norm")) << wrong.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  const Ended compares = lockstep(train_into(folder / "a", {"--steps", "2", "--probes", "linear_cka"}));
  EXPECT_EQ(compares.code, 2);
  EXPECT_TRUE(contains(compares.err, "lockstep diverge")) << compares.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  ASSERT_EQ(lockstep(train_into(folder / "b", {"--steps", "2", "--probes", "gradient_norm"})).code, 0);
  data::write_file(folder / "b/probes.csv", "my,own,table\n");
  EXPECT_EQ(lockstep({"train", "--resume", "--steps", "4", "--out", folder / "b"}).code, 2);
  EXPECT_EQ(data::read_file(folder / "b/probes.csv"), "my,own,table\n");
}

}  // namespace
}  // namespace lockstep::train
