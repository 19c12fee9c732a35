#include "train/training/kept_weights.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "train/training/checkpoint.h"

namespace lockstep::train {
namespace {

using Steps = std::vector<std::int64_t>;

TEST(KeptWeights, StepsToKeep) {
  EXPECT_EQ(steps_to_keep("", 100), Steps{});
  EXPECT_EQ(steps_to_keep("20,0,10,10", 20), (Steps{0, 10, 20}));
  EXPECT_EQ(steps_to_keep("log", 30), (Steps{0, 1, 2, 5, 10, 20, 30}));
  EXPECT_EQ(steps_to_keep("log", 100), (Steps{0, 1, 2, 5, 10, 20, 50, 100}));
  EXPECT_EQ(steps_to_keep("log", 0), (Steps{0}));
  for (const char* wrong : {"often", "1,,2", "-1", "1.5", "0,101", " 1", "99999999999999999999"}) {
    try {
      steps_to_keep(wrong, 100);
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_TRUE(contains(error.what(), "expected log, or steps from 0 to 100")) << error.what();
    }
  }
}

std::vector<std::string> small(const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words = {"train", "--layers", "1",       "--width", "8",     "--heads", "2",
                                    "--mlp", "8",        "--batch", "4",       "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Steps kept_in(const std::string& folder) {
  Steps steps;
  for (const KeptWeights& kept : kept_weights(folder)) steps.push_back(kept.step);
  return steps;
}

void expect_same_weights(const std::string& a, const std::string& b) {
  const std::vector<data::StoredTensor> one = weights_of(a), other = weights_of(b);
  ASSERT_EQ(one.size(), other.size());
  for (const data::StoredTensor& tensor : one) {
    const auto twin = std::ranges::find(other, tensor.name, &data::StoredTensor::name);
    ASSERT_NE(twin, other.end()) << tensor.name;
    EXPECT_EQ(tensor.read(DType::f32).to_vector(), twin->read(DType::f32).to_vector()) << tensor.name;
  }
}

// Interrupted and resumed by the folder alone, a training keeps what it was told to at first.
TEST(KeptWeights, ATrainingKeepsItsFirstWeightsAndResumesKeeping) {
  TempFolder folder;
  const Ended whole = lockstep(
      small(folder / "a", {"--steps", "10", "--keep", "log", "--every", "3", "--schedule", "constant"}));
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(kept_in(folder / "a"), (Steps{0, 1, 2, 5, 10}));
  expect_same_weights(folder / "a/keep/step-000010.safetensors", folder / "a/checkpoint.h5");

  ASSERT_EQ(lockstep(small(folder / "b", {"--steps", "4", "--keep", "0,1,4,8", "--every", "3"})).code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
  ASSERT_EQ(lockstep(small(folder / "b", {"--steps", "4", "--keep", "log", "--every", "3"})).code, 0);
  const Ended longer = lockstep({"train", "--resume", "--steps", "10", "--out", folder / "b"});
  ASSERT_EQ(longer.code, 0) << longer.err;
  EXPECT_EQ(kept_in(folder / "b"), (Steps{0, 1, 2, 4, 5, 10}));
  const Checkpoint checkpoint(folder / "b/checkpoint.h5");
  EXPECT_EQ(checkpoint.habits().every, 3);
  EXPECT_EQ(checkpoint.habits().keep, "log");
  // After steps 3 and 4 of the first sitting, then every 3.
  EXPECT_EQ(checkpoint.metrics().validations.size(), 5U);
}

TEST(KeptWeights, NoStepsAreAnInitialisationToLookAt) {
  TempFolder folder;
  const Ended ended = lockstep(small(folder / "a", {"--task", "digits", "--steps", "0", "--keep", "0"}));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(kept_in(folder / "a"), Steps{0});
  EXPECT_EQ(Checkpoint(folder / "a/checkpoint.h5").metrics().validations.size(), 1U);
  EXPECT_EQ(lockstep({"eval", folder / "a"}).code, 0);
}

}  // namespace
}  // namespace lockstep::train
