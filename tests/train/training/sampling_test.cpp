#include "train/training/sampling.h"

#include <gtest/gtest.h>

#include "tests/data/temp_folder.h"
#include "train/config/recipe.h"

namespace lockstep::train {
namespace {

RunConfig tiny(const std::string& task) {
  RunConfig config = defaults_for(task);
  config.layers = 1;
  config.width = 8;
  config.heads = 2;
  config.mlp = 8;
  return config;
}

std::string sample(Training& training, const SampleOptions& options) {
  std::string text;
  sample_text(training, options, [&](char c) { text += c; });
  return text;
}

TEST(Sampling, DependsOnTheSeedAndOnWhatStandsBefore) {
  Training training(tiny("shakespeare"));
  const std::string text =
      sample(training, {.prompt = "ROMEO:", .tokens = 80, .seed = 1});  // beyond the context
  EXPECT_EQ(text.size(), 86u);
  EXPECT_TRUE(text.starts_with("ROMEO:"));
  EXPECT_EQ(sample(training, {.prompt = "ROMEO:", .tokens = 20, .seed = 1}), text.substr(0, 26));
  EXPECT_NE(sample(training, {.prompt = "ROMEO:", .tokens = 80, .seed = 2}), text);
  EXPECT_EQ(sample(training, {.prompt = "A", .tokens = 0}), "A");
}

TEST(Sampling, ZeroTemperatureIsTheLikeliest) {
  Training training(tiny("shakespeare"));
  const std::string likeliest = sample(training, {.tokens = 20, .temperature = 0});
  EXPECT_EQ(sample(training, {.tokens = 20, .temperature = 3, .top_k = 1, .seed = 7}), likeliest);
  EXPECT_NE(sample(training, {.tokens = 20, .temperature = 3, .seed = 7}), likeliest);
}

TEST(Sampling, SeesTheLastTokensOfALongPrompt) {
  Training training(tiny("shakespeare"));
  const std::string end(64, 'e');
  EXPECT_EQ(sample(training, {.prompt = "Rat" + end, .tokens = 5}),
            "Rat" + sample(training, {.prompt = end, .tokens = 5}));
}

TEST(Sampling, NamesWhatIsNotInTheAlphabet) {
  Training training(tiny("shakespeare"));
  const std::string error = error_of([&] { sample(training, {.prompt = "To {be}, 2 times\xc3"}); });
  EXPECT_TRUE(contains(error, "--prompt: '{', '}', '2', byte 0xc3 are not in the model's alphabet"));
  EXPECT_TRUE(contains(error, "blank, newline and !$&',-.3:;?ABC"));
  EXPECT_TRUE(contains(error_of([&] { sample(training, {.prompt = ""}); }), "--prompt is empty"));
  Training copy(tiny("copy"));
  EXPECT_TRUE(contains(error_of([&] { sample(copy, {}); }), "the task copy is no text"));
}

TEST(Sampling, ShowsExamplesOfOtherTasks) {
  Training sort(tiny("sort")), digits(tiny("digits"));
  const std::string sorted = show_examples(sort, 2);
  EXPECT_TRUE(contains(sorted, "input   "));
  EXPECT_TRUE(contains(sorted, "\nanswer  "));
  // Each answer stands under its input.
  const std::size_t right = sorted.find("\nright"), answer = sorted.find("\nanswer");
  EXPECT_EQ(sorted.find("\n"), right);
  EXPECT_EQ(right + 1, answer - right);
  const std::string image = show_examples(digits, 1);
  EXPECT_TRUE(contains(image, "@@"));
  EXPECT_TRUE(contains(image, "\nright   "));
}

}  // namespace
}  // namespace lockstep::train
