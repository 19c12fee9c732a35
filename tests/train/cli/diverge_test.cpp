#include <gtest/gtest.h>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"

namespace lockstep::train {
namespace {

void train_small(const std::string& out, const std::vector<std::string>& more,
                 const std::string& width = "16") {
  std::vector<std::string> words = {"train", "--layers", "1", "--width", width, "--heads", "2", "--mlp",
                                    "16",    "--batch",  "4", "--steps", "6",   "--out",   out};
  words.insert(words.end(), more.begin(), more.end());
  const Ended made = lockstep(words);
  ASSERT_EQ(made.code, 0) << made.err;
}

TEST(Diverge, TwoStoragesPartByRoundingInF32AndNotInF64) {
  TempFolder folder;
  train_small(folder / "a", {});
  train_small(folder / "b", {"--attention", "separate"});
  const Ended f32 = lockstep({"diverge", folder / "a", folder / "b", "--out", folder / "d.csv"});
  ASSERT_EQ(f32.code, 0) << f32.err;
  EXPECT_TRUE(contains(f32.out, "They differ in: attention: \"combined\", \"separate\".")) << f32.out;
  EXPECT_TRUE(contains(f32.out, "beyond 1e-12")) << f32.out;
  EXPECT_TRUE(contains(f32.out, "beyond 1e-03   not within 6 steps")) << f32.out;
  EXPECT_TRUE(contains(f32.out, "blocks.0.resid_post      1.0000")) << f32.out;
  EXPECT_TRUE(contains(f32.out, "barrier 0.0000")) << f32.out;
  EXPECT_FALSE(contains(f32.out, "than were saved")) << f32.out;
  const std::string rows = data::read_file(folder / "d.csv");
  EXPECT_TRUE(contains(rows, "\n0,the loss,0\r\n")) << rows.substr(0, 300);
  EXPECT_TRUE(contains(rows, "\n6,blocks.0.attn.q.weight,"));
  EXPECT_FALSE(contains(rows, "k.bias"));

  train_small(folder / "a64", {"--precision", "f64"});
  train_small(folder / "b64", {"--precision", "f64", "--attention", "separate"});
  const Ended f64 = lockstep({"diverge", folder / "a64", folder / "b64"});
  ASSERT_EQ(f64.code, 0) << f64.err;
  EXPECT_TRUE(contains(f64.out, "beyond 1e-12   not within 6 steps")) << f64.out;
}

TEST(Diverge, OtherModelsAreRefusedAndOtherWeightsAreSaid) {
  TempFolder folder;
  train_small(folder / "a", {});
  train_small(folder / "wide", {}, "32");
  const Ended refused = lockstep({"diverge", folder / "a", folder / "wide"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(contains(refused.err, "width: 16, 32")) << refused.err;
  EXPECT_EQ(lockstep({"diverge", folder / "a"}).code, 2);
  train_small(folder / "from", {"--weights", folder / "a/checkpoint.h5"});
  const Ended other = lockstep({"diverge", folder / "a", folder / "from"});
  ASSERT_EQ(other.code, 0) << other.err;
  EXPECT_TRUE(contains(other.out, "other weights than were saved")) << other.out;
}

}  // namespace
}  // namespace lockstep::train
