// `lockstep bench` and its parts, as a user meets them: small measurements, whose numbers must make sense.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"

namespace lockstep::train {
namespace {

nlohmann::json json_of(const std::vector<std::string>& arguments) {
  const Ended ended = lockstep(arguments);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  return nlohmann::json::parse(ended.out);
}

TEST(BenchProgram, TimesAttentionByTokensHeadAndMask) {
  const nlohmann::json rows = json_of({"bench", "attention", "--tokens", "8,70", "--head-sizes", "16",
                                       "--heads", "2", "--mask", "causal,none", "--seconds", "0", "--json"})
                                  .at("attention");
  ASSERT_EQ(rows.size(), 4u);
  for (const auto& row : rows) {
    EXPECT_GT(row.at("forward_ms"), 0) << row;
    EXPECT_GT(row.at("both_ms"), row.at("forward_ms")) << row;
    EXPECT_GT(row.at("gflops"), 0) << row;
  }
}

TEST(BenchProgram, ComparesTheStoragesInTimeAndMemory) {
  const nlohmann::json report =
      json_of({"bench", "efficiency", "--widths", "32", "--tokens", "64", "--seconds", "0", "--json"});
  const nlohmann::json& rows = report.at("efficiency");
  ASSERT_EQ(rows.size(), 1u) << report;
  EXPECT_EQ(rows[0].at("width"), 32);
  const Ended refused = lockstep({"bench", "efficiency", "--widths", "33"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(contains(refused.err, "expected multiples of 32"));
}

TEST(BenchProgram, TapeAndStart) {
  for (const auto& row : json_of({"bench", "tape", "--json"}).at("tape")) {
    EXPECT_GT(row.at("recorded_ns"), row.at("unrecorded_ns")) << row;
  }
  EXPECT_TRUE(contains(lockstep({"bench", "tape"}).out, "layer_norm"));
  const Ended first_step = lockstep({"bench", "--first-step", "--model", "toy"});
  EXPECT_EQ(first_step.code, 0) << first_step.err;
  EXPECT_GT(std::stod(first_step.out), 0);
}

TEST(BenchProgram, OptionsOfTheOtherDeviceAreRefused) {
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{"bench", "--runs", "3"}, "--runs is for trainings on a GPU"},
      {{"bench", "--profile", "--beside", "4"}, "--beside is for trainings on a GPU"},
      {{"bench", "--device", "cuda", "--beside", "4"}, "leave it out, or add --profile"},
      {{"bench", "--device", "cuda", "--threads", "2"}, "--threads is for steps on the processor"}};
  for (const auto& [line, error] : wrong) {
    const Ended refused = lockstep(line);
    EXPECT_EQ(refused.code, 2) << error;
    EXPECT_TRUE(contains(refused.err, error)) << refused.err;
  }
}

}  // namespace
}  // namespace lockstep::train
