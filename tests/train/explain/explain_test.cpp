// lockstep explain: what is embedded, and what is refused. The page itself: page_in_browser.py.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "train/config/recipe.h"
#include "train/explain/embedded_weights.h"
#include "train/explain/record.h"

namespace lockstep::train {
namespace {

ParameterList one(std::vector<double> values) {
  const auto count = std::ssize(values);
  return {{.name = "w", .tensor = from_values({count}, values)}};
}

TEST(EmbeddedWeights, AreBase64AndLeaveTheParametersAsEmbedded) {
  const ParameterList precise = one({1, -2, 0.1});
  // 3f800000 c0000000 3dcccccd, each little-endian.
  EXPECT_EQ(base64(embedded_bytes(precise, EmbeddedType::f32)), "AACAPwAAAMDNzMw9");
  EXPECT_EQ(precise[0].tensor.to_vector(), (std::vector<double>{1, -2, 0.1F}));
  const ParameterList rounded = one({1, -2, 0.1, 65504});
  // 3c00 c000 2e66 7bff.
  EXPECT_EQ(base64(embedded_bytes(rounded, EmbeddedType::f16)), "ADwAwGYu/3s=");
  EXPECT_EQ(rounded[0].tensor.to_vector(), (std::vector<double>{1, -2, 0.0999755859375, 65504}));
}

TEST(EmbeddedWeights, DifferencesAreSmallNumbersAndRunsOfZeros) {
  using Bytes = std::vector<std::uint8_t>;
  const Bytes before = {0, 60, 1, 60, 2, 60, 255, 255, 0, 0}, same = {0, 60, 1, 60, 2, 60};
  // 0 three times, -1 becomes 1, and 65535 - 0 = 0xffff the LEB128 of 131070.
  EXPECT_EQ(embedded_difference(Bytes{0, 60, 1, 60, 2, 60, 254, 255, 255, 255}, before, EmbeddedType::f16),
            (Bytes{0, 2, 1, 0xfe, 0xff, 7}));
  EXPECT_EQ(embedded_difference(same, same, EmbeddedType::f16), (Bytes{0, 2}));
  EXPECT_EQ(embedded_difference(Bytes{3, 0, 0, 1}, Bytes{0, 0, 0, 1}, EmbeddedType::f32), (Bytes{6}));
  EXPECT_THROW(embedded_difference(same, before, EmbeddedType::f16), Error);
}

std::vector<std::size_t> indices(const std::vector<EmbeddedStep>& steps) {
  std::vector<std::size_t> list;
  for (const EmbeddedStep& step : steps) list.push_back(step.index);
  return list;
}

TEST(EmbeddedWeights, AsManyStepsAsFit) {
  using Indices = std::vector<std::size_t>;
  const auto size = [](const EmbeddedStep& step) { return step.type == EmbeddedType::f32 ? 1600 : 800; };
  const auto all = choose_steps(5, size, 2 * 1600 + 3 * 800);
  EXPECT_EQ(indices(all), (Indices{0, 1, 2, 3, 4}));
  EXPECT_EQ(all[0].type, EmbeddedType::f32);
  EXPECT_EQ(all[1].type, EmbeddedType::f16);
  EXPECT_EQ(all[4].type, EmbeddedType::f32);
  EXPECT_EQ(indices(choose_steps(5, size, 2 * 1600 + 3 * 800 - 1)), (Indices{0, 1, 3, 4}));
  EXPECT_EQ(indices(choose_steps(5, size, 2 * 1600 + 800)), (Indices{0, 2, 4}));
  const auto halves = choose_steps(5, size, 2 * 1600 - 1);
  EXPECT_EQ(indices(halves), (Indices{0, 2, 4}));
  EXPECT_EQ(halves[2].type, EmbeddedType::f16);
  EXPECT_EQ(indices(choose_steps(5, size, 800)), (Indices{4}));
  EXPECT_TRUE(choose_steps(5, size, 799).empty());
  EXPECT_EQ(choose_steps(1, size, 1600)[0].type, EmbeddedType::f32);
  const auto light_start = [&](const EmbeddedStep& step) { return step.index == 0 ? 0 : size(step); };
  EXPECT_EQ(indices(choose_steps(5, light_start, 1600 + 3 * 800)), (Indices{0, 1, 2, 3, 4}));
}

TEST(TapeGraph, HoldsAllThatTheLossWasComputedBy) {
  for (const char* attention : {"combined", "separate"}) {
    RunConfig config = defaults_for("copy");
    for (std::int64_t* size : {&config.width, &config.mlp}) *size = 8;
    config.precision = "f64";
    config.attention = attention;
    Training training(config);
    const Record computed = record(training, training.task().validation(0, 1));
    std::set<std::string> names, parameters, expected_names, expected_parameters;
    std::set<std::size_t> used;
    for (std::size_t i = 0; i < computed.tape.size(); ++i) {
      const TapeOp& op = computed.tape[i];
      for (const std::size_t input : op.inputs) {
        EXPECT_LT(input, i) << op.op;
        used.insert(input);
      }
      names.insert(op.names.begin(), op.names.end());
      parameters.insert(op.parameters.begin(), op.parameters.end());
    }
    EXPECT_EQ(used.size(), computed.tape.size() - 1) << "all but the loss are used";
    EXPECT_TRUE(computed.tape.back().shape.empty()) << "the loss is the last";
    for (const Recorded& traced : computed.traced) expected_names.insert(traced.name);
    for (const Recorded& parameter : computed.parameters) expected_parameters.insert(parameter.name);
    EXPECT_EQ(names, expected_names);
    EXPECT_EQ(parameters, expected_parameters);
  }
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

TEST(ExplainProgram, ATrainingExplainsItselfWhereAskedTo) {
  TempFolder folder;
  const std::string a = trained(folder, "a", {"--task", "induction", "--steps", "3", "--explain"});
  const std::string page = data::read_file(a + "/explain.html");
  for (const char* step : {R"("step":0,)", R"("step":1,)", R"("step":2,)", R"("step":3,)"})
    EXPECT_TRUE(page.find(step) != std::string::npos) << step;
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
