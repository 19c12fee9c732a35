#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/ops/elementwise.h"
#include "core/runtime/sanitizers.h"
#include "tests/data/temp_folder.h"
#include "train/bench/floor.h"
#include "train/bench/memory.h"
#include "train/bench/start.h"
#include "train/bench/steps.h"

namespace lockstep::train {
namespace {

BenchModel tiny() { return {"tiny", 7, 5, 8, 2, 2, 3}; }

double flops_of(const BenchModel& model, bool combined) {
  BenchTraining training(model, combined);
  return GemmFloor(products_of([&] { training.step(); })).flops();
}

// Forward, dx and dw of every linear layer (12 width^2 weights a block, and the logits), each 2 per weight
// and token; 6 products of attention over `scores` pairs of query and key a head.
double expected_flops(const BenchModel& m, double scores) {
  const double d = static_cast<double>(m.width), layers = static_cast<double>(m.layers);
  const double weights = 12 * d * d * layers + d * static_cast<double>(m.vocabulary);
  return 6 * weights * static_cast<double>(m.batch * m.tokens) +
         12 * static_cast<double>(m.batch) * d * scores * layers;
}

TEST(GemmFloor, HoldsAllProductsOfAStep) {
  EXPECT_EQ(flops_of(tiny(), true), expected_flops(tiny(), 5 * 5));
  EXPECT_EQ(flops_of(tiny(), false), expected_flops(tiny(), 5 * 5));
}

TEST(GemmFloor, LeavesOutWhatCausalAttentionDoesNotSee) {
  BenchModel longer = tiny();
  longer.tokens = 130;
  EXPECT_EQ(flops_of(longer, true), expected_flops(longer, 64 * 64 + 64 * 128 + 2 * 130));
}

TEST(GemmFloor, IsOfThreeProductsWhereAttentionIsThree) {
  const std::vector<Product> combined = products_of([] { BenchTraining(tiny(), true).step(); });
  const std::vector<Product> separate = products_of([] { BenchTraining(tiny(), false).step(); });
  // Two blocks; q, k and v with forward, dx and dw each, instead of one layer's.
  EXPECT_EQ(separate.size() - combined.size(), 2u * 3 * 2);
}

TEST(MemoryUse, CountsWhatEachStepAllocates) {
  if (address_sanitizer) GTEST_SKIP() << "nothing is kept under AddressSanitizer";
  const auto steady = memory_use([] { return [] { (void)zeros({1000}); }; });
  EXPECT_EQ(steady.allocations, 0);
  EXPECT_EQ(steady.tensor_peak, 4096);  // 4,000 with rounding

  std::vector<Tensor> kept;
  const auto growing = memory_use([&] {
    return [&] {
      kept.push_back(zeros({1 << 20}));
      kept.push_back(zeros({1 << 20}));
    };
  });
  EXPECT_EQ(growing.allocations, 2);
  EXPECT_EQ(growing.tensor_peak, 12 * (4 << 20));
  EXPECT_GE(growing.resident_peak, 12 * (4 << 20));
}

TEST(Bench, TimesATinyModelAndReportsItAsJson) {
  const BenchOptions options{.models = {tiny()}, .seconds = 0, .profile = true};
  const std::vector<StepResult> results = bench_steps(options);
  ASSERT_EQ(results.size(), 4u);
  const nlohmann::json report = nlohmann::json::parse(to_json(results));
  for (const auto& row : report.at("steps")) {
    EXPECT_EQ(row.at("model"), "tiny");
    const double step = row.at("step_ms").at("median"), floor = row.at("floor_ms").at("median");
    EXPECT_GT(floor, 0);
    EXPECT_DOUBLE_EQ(row.at("ratio"), step / floor);
    EXPECT_NEAR(row.at("tokens_per_second"), 15 / step * 1e3, 1e-6 * 15 / step * 1e3);
    if (address_sanitizer) continue;
    EXPECT_EQ(row.at("allocations_per_step"), 0);
    EXPECT_EQ(row.at("heap_growth_per_step_bytes"), 0);
  }
  EXPECT_NE(to_text(results).find("tiny   separate     2"), std::string::npos) << to_text(results);
}

TEST(Bench, ProfilesEveryOpOfAStep) {
  const std::vector<StepResult> results = bench_steps(
      {.models = {tiny()}, .attention = {"separate"}, .threads = {1}, .seconds = 0, .profile = true});
  std::map<std::string, OpTime> ops;
  for (const OpTime& op : results.at(0).profile) ops[op.name] = op;
  EXPECT_EQ(ops.at("attention").calls, 2);
  EXPECT_EQ(ops.at("layer_norm").calls, 5);
  EXPECT_EQ(ops.at("linear").calls, 2 * 4 + 1);
  EXPECT_EQ(ops.at("mlp").calls, 2);
  for (const char* name : {"attention", "linear", "layer_norm", "cross_entropy"}) {
    EXPECT_GT(ops.at(name).forward, 0) << name;
    EXPECT_GT(ops.at(name).backward, 0) << name;
  }
}

// The program's own path is no text for a shell.
TEST(BenchStart, StartsAProgramOfAnyPath) {
  namespace fs = std::filesystem;
  const TempFolder folder;
  const std::string trap = folder / "trap",
                    odd = folder / fmt::format("it's; touch {0} $(touch {0}) `touch {0}` \" & #", "trap");
  fs::create_directories(odd);
  const std::string program = odd + "/lockstep";
  std::ofstream(program) << "#!/bin/sh\necho 1e9\necho \"$@\" >> \"${0%/*}/calls\"\n";
  fs::permissions(program, fs::perms::owner_all);
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const std::vector<StartResult> results = bench_start(program);
  fs::current_path(before);
  ASSERT_EQ(results.size(), 8u);
  for (const StartResult& result : results) EXPECT_GT(result.median, 0) << result.model;
  std::ifstream calls(odd + "/calls");
  std::string first;
  std::getline(calls, first);
  EXPECT_EQ(first, "bench --first-step --model toy --attention combined");
  EXPECT_FALSE(fs::exists(trap));
  EXPECT_THROW(bench_start(folder / "nobody"), Error);
}

TEST(Bench, RefusesAModelThatIsNone) {
  EXPECT_THROW(reference_model("babe"), Error);
  EXPECT_THROW(BenchTraining({"none", 0, 5, 8, 2, 2, 3}, true), Error);
  EXPECT_THROW(bench_steps({.models = {tiny()}, .attention = {"both"}}), Error);
}

}  // namespace
}  // namespace lockstep::train
