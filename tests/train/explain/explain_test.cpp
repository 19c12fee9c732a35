// lockstep explain: what is embedded, and what is refused. The page itself: page_in_browser.py.
#include <gtest/gtest.h>

#include <filesystem>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "train/explain/embedded_weights.h"

namespace lockstep::train {
namespace {

ParameterList one(std::vector<double> values) {
  const auto count = std::ssize(values);
  return {{.name = "w", .tensor = from_values({count}, values)}};
}

TEST(EmbeddedWeights, AreBase64AndLeaveTheParametersAsEmbedded) {
  const ParameterList precise = one({1, -2, 0.1});
  // 3f800000 c0000000 3dcccccd, each little-endian.
  EXPECT_EQ(embedded_weights(precise, EmbeddedType::f32), "AACAPwAAAMDNzMw9");
  EXPECT_EQ(precise[0].tensor.to_vector(), (std::vector<double>{1, -2, 0.1F}));
  const ParameterList rounded = one({1, -2, 0.1, 65504});
  // 3c00 c000 2e66 7bff.
  EXPECT_EQ(embedded_weights(rounded, EmbeddedType::f16), "ADwAwGYu/3s=");
  EXPECT_EQ(rounded[0].tensor.to_vector(), (std::vector<double>{1, -2, 0.0999755859375, 65504}));
  EXPECT_EQ(embedded_size(3, EmbeddedType::f32), 16U);
  EXPECT_EQ(embedded_size(4, EmbeddedType::f16), 12U);
}

std::vector<std::size_t> indices(const std::vector<EmbeddedStep>& steps) {
  std::vector<std::size_t> list;
  for (const EmbeddedStep& step : steps) list.push_back(step.index);
  return list;
}

// 300 weights: 1600 bytes as f32, 800 as f16.
TEST(EmbeddedWeights, AsManyStepsAsFit) {
  using Indices = std::vector<std::size_t>;
  const auto all = choose_steps(5, 300, 0, 2 * 1600 + 3 * 800);
  EXPECT_EQ(indices(all), (Indices{0, 1, 2, 3, 4}));
  EXPECT_EQ(all[0].type, EmbeddedType::f32);
  EXPECT_EQ(all[1].type, EmbeddedType::f16);
  EXPECT_EQ(all[4].type, EmbeddedType::f32);
  EXPECT_EQ(indices(choose_steps(5, 300, 0, 2 * 1600 + 3 * 800 - 1)), (Indices{0, 1, 3, 4}));
  EXPECT_EQ(indices(choose_steps(5, 300, 0, 2 * 1600 + 800)), (Indices{0, 2, 4}));
  const auto halves = choose_steps(5, 300, 0, 2 * 1600 - 1);
  EXPECT_EQ(indices(halves), (Indices{0, 2, 4}));
  EXPECT_EQ(halves[2].type, EmbeddedType::f16);
  EXPECT_EQ(indices(choose_steps(5, 300, 0, 800)), (Indices{4}));
  EXPECT_TRUE(choose_steps(5, 300, 0, 799).empty());
  EXPECT_EQ(choose_steps(1, 300, 0, 1600)[0].type, EmbeddedType::f32);
  EXPECT_EQ(indices(choose_steps(5, 300, 200, 2000)), (Indices{0, 4}));
}

std::string trained(const TempFolder& folder, const std::string& name, const std::vector<std::string>& more,
                    const std::string& width = "8") {
  std::vector<std::string> words = {"train", "--layers", "1",       "--width", width,   "--heads",    "2",
                                    "--mlp", "8",        "--batch", "2",       "--out", folder / name};
  words.insert(words.end(), more.begin(), more.end());
  const Ended ended = lockstep(words);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return folder / name;
}

TEST(ExplainProgram, RefusesWhatItCannotExplainAndWritesNothing) {
  TempFolder folder;
  const std::string a = trained(folder, "a", {"--steps", "2", "--keep", "0,1"});
  const std::string page = folder / "page.html";
  const auto refused = [&](const std::vector<std::string>& runs, const std::string& says) {
    std::vector<std::string> words = {"explain"};
    words.insert(words.end(), runs.begin(), runs.end());
    words.insert(words.end(), {"--out", page});
    const Ended ended = lockstep(words);
    EXPECT_EQ(ended.code, 2) << ended.out;
    EXPECT_TRUE(contains(ended.err, says));
    EXPECT_FALSE(std::filesystem::exists(page));
  };
  refused({folder / "nowhere"}, "nowhere does not exist: expected a folder of lockstep train");
  refused({a + "/metrics.h5"}, "is no checkpoint of this version of lockstep train");
  refused({a + "/keep/step-000000.safetensors"}, "step-000000.safetensors");
  const std::string sort = trained(folder, "sort", {"--task", "sort", "--steps", "1"});
  refused({a, sort}, "they differ in task: copy, sort");
  const std::string wide = trained(folder, "wide", {"--steps", "1"}, "16");
  refused({a, wide}, "they differ in width: 8, 16");
  const std::string other = trained(folder, "other", {"--steps", "3"});
  refused({a, other}, "have no step in common");
  const std::string large = trained(folder, "large", {"--steps", "0", "--task", "sort"}, "768");
  refused({large}, "weights, and a page of at most 3 MB holds");
  // A kept file of another model.
  std::filesystem::copy_file(wide + "/checkpoint.h5", folder / "w.h5");
  const Ended exported = lockstep({"export", folder / "w.h5", folder / "w.safetensors"});
  ASSERT_EQ(exported.code, 0) << exported.err;
  std::filesystem::copy_file(folder / "w.safetensors", a + "/keep/step-000001.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  refused({a}, "step-000001.safetensors");
}

TEST(ExplainProgram, WritesOnePageWithTheStepsThatWereKept) {
  TempFolder folder;
  const std::string a = trained(folder, "a", {"--steps", "3", "--keep", "0,1"});
  const std::string b = trained(folder, "b", {"--steps", "3", "--keep", "0,2", "--attention", "separate"});
  const Ended ended = lockstep({"explain", a, b});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "a/explain.html"));
  const std::string page = data::read_file(a + "/explain.html");
  EXPECT_LT(page.size(), 3'000'000U);
  EXPECT_TRUE(contains(page, R"("step":0,"type":"f32")"));
  EXPECT_TRUE(contains(page, R"("step":3,"type":"f32")"));
  EXPECT_FALSE(contains(page, R"("step":1,)"));  // b lacks it
  EXPECT_FALSE(contains(page, "{{"));
}

}  // namespace
}  // namespace lockstep::train
