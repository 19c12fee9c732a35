#include "train/study/tuning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/config/recipe.h"
#include "train/study/plan.h"

namespace lockstep::train {
namespace {

ExperimentConfig copy_experiment(const std::string& tune) {
  ExperimentConfig experiment = experiment_for("copy");
  experiment.primary = "mean_loss";
  experiment.tune = tune;
  experiment.curve_steps = 2;
  experiment.seeds = 2;
  return experiment;
}

// A run that shows a mean loss with its minimum at 0.004 of arm A1, at 0.008 of A3, at 0.16 of the others.
RunResult pretended(const Job& job) {
  const Arm& arm = job.run.arm;
  const bool muon = arm.run.optimizer == "muon";
  const double rate = muon ? arm.run.matrix_lr : arm.run.lr;
  const double best = muon ? 0.16 : arm.name.starts_with("A1") ? 0.004 : 0.008;
  const double loss = 2 + std::pow(std::log2(rate / best), 2) + 0.001 * double(job.key.seed % 7);
  RunResult result;
  result.losses = {loss, loss};
  // As run_arm() ends it: after the first step that is sure to be beyond.
  if (loss / 2 > job.run.give_up_above) result.losses = {loss};
  return result;
}

// Does one run at a time, the first or the last that can begin, until none is left.
RunResults finished(const StudyConfig& study, bool from_the_end) {
  const std::vector<Design> designs = {design_of(study.experiments[0])};
  RunResults done;
  for (;;) {
    const Plan plan = plan_of(study, designs, done);
    if (plan.jobs.empty()) return done;
    const Job& job = from_the_end ? plan.jobs.back() : plan.jobs.front();
    done[job.key] = pretended(job);
  }
}

TEST(Tuning, EachArmGetsItsOwnBestRate) {
  const StudyConfig study{.experiments = {copy_experiment("own")}};
  const RunResults done = finished(study, false);
  const Design design = with_tuned_rates(study, {design_of(study.experiments[0])}, done).at(0);
  const auto contrast = [&](Cause cause) {
    return *std::ranges::find_if(design.contrasts,
                                 [&](const PlannedContrast& c) { return c.is_tuned() && c.cause == cause; });
  };
  EXPECT_EQ(contrast(Cause::distribution).a, "A1@0.004");
  EXPECT_EQ(contrast(Cause::distribution).b, "A3@0.008");
  EXPECT_EQ(contrast(Cause::coupling).a, "C1@0.16");
  EXPECT_EQ(contrast(Cause::coupling).b, "C4@0.16");
  EXPECT_EQ(title_of(contrast(Cause::coupling)), "coupling, tuned");
  // Judged at the declared rate and at either's best, never with a seed that chose.
  for (const char* arm : {"A1", "A1@0.004", "A1@0.008", "A3@0.004", "A3@0.008", "C1@0.16", "C4"}) {
    EXPECT_TRUE(done.contains({0, arm, 0}) && done.contains({0, arm, 1})) << arm;
  }
  for (const auto& [key, run] : done) {
    EXPECT_TRUE(key.seed < 2 || is_tuning_seed(key.seed, study.experiments[0]));
  }
  EXPECT_FALSE(done.contains({0, "A1@0.016", 0}));
  EXPECT_EQ(
      std::ranges::count_if(contrast(Cause::distribution).rates, [](const auto& at) { return at.judged; }),
      3);
}

TEST(Tuning, ASharedRateIsTheBestOfBothTogether) {
  const StudyConfig study{.experiments = {copy_experiment("shared")}};
  const RunResults done = finished(study, false);
  const Design design = with_tuned_rates(study, {design_of(study.experiments[0])}, done).at(0);
  for (const PlannedContrast& contrast : design.contrasts) {
    if (!contrast.is_tuned() || contrast.cause != Cause::distribution) continue;
    EXPECT_EQ(contrast.a, "A1@0.00566");
    EXPECT_EQ(contrast.b, "A3@0.00566");
    return;
  }
  FAIL() << "no tuned contrast";
}

// Whichever run comes first.
TEST(Tuning, TheOrderOfTheRunsDecidesNothing) {
  for (const char* tune : {"own", "shared"}) {
    const StudyConfig study{.experiments = {copy_experiment(tune)}};
    const RunResults first = finished(study, false), second = finished(study, true);
    ASSERT_EQ(first.size(), second.size());
    for (const auto& [key, run] : first) EXPECT_EQ(run.losses, second.at(key).losses) << key.arm;
  }
}

TEST(Tuning, AHopelessRateIsGivenUp) {
  const StudyConfig study{.experiments = {copy_experiment("own")}};
  const RunResults done = finished(study, false);
  // A factor 4 beyond the best rate of all: 2 + 2^2 is more than 2 * 1.25 * 2.
  const auto given_up =
      std::ranges::count_if(done, [](const auto& run) { return run.second.losses.size() == 1; });
  EXPECT_GT(given_up, 0);
  const Design design = with_tuned_rates(study, {design_of(study.experiments[0])}, done).at(0);
  for (const Arm& arm : design.arms) {
    if (arm.judged) continue;
    EXPECT_FALSE(done.contains({0, arm.name, 0})) << arm.name;
  }
}

// At sqrt(2) times the best rate the mean loss is 12% larger: half of the seeds say so. It counts with the
// best rate's mean of all seeds times that ratio, though the first half of the seeds are the smaller ones.
TEST(Tuning, AClearlyWorseRateHasHalfOfTheSeeds) {
  const StudyConfig study{.experiments = {copy_experiment("own")}};
  const ExperimentConfig& experiment = study.experiments[0];
  const RunResults done = finished(study, false);
  const std::vector<std::int64_t> seeds = tuning_seeds(experiment);
  ASSERT_EQ(seeds.size(), 4u);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    EXPECT_TRUE(done.contains({0, "A1@0.004", seeds[i]}));
    EXPECT_EQ(done.contains({0, "A1@0.00566", seeds[i]}), i < 2);
  }
  const Tuning tuning = tuning_of(0, experiment, design_of(experiment), done);
  const auto search = std::ranges::find(tuning.searches, std::vector<std::string>{"A1"}, &RateSearch::arms);
  const auto loss = [&](const char* arm, std::size_t i) { return done.at({0, arm, seeds[i]}).losses[0]; };
  double best = 0;
  for (std::size_t i = 0; i < seeds.size(); ++i) best += loss("A1@0.004", i) / 4;
  const double ratio =
      (loss("A1@0.00566", 0) + loss("A1@0.00566", 1)) / (loss("A1@0.004", 0) + loss("A1@0.004", 1));
  EXPECT_NEAR(search->tried.at(5), best * ratio, 1e-12);  // steps from 0.001 by factors of sqrt(2)
  EXPECT_EQ(search->best, 4);
}

TEST(Tuning, WithoutABestRateTheDeclaredOnesAreJudgedAndTheReasonIsGiven) {
  const StudyConfig study{.experiments = {copy_experiment("own")}};
  const std::vector<Design> designs = {design_of(study.experiments[0])};
  RunResults done;
  for (Plan plan = plan_of(study, designs, done); !plan.jobs.empty(); plan = plan_of(study, designs, done)) {
    const RunConfig& run = plan.jobs.front().run.arm.run;
    const double loss = 1 / (run.optimizer == "muon" ? run.matrix_lr : run.lr);
    done[plan.jobs.front().key].losses = {loss, loss};
  }
  const Design design = with_tuned_rates(study, designs, done).at(0);
  std::size_t without = 0;
  for (const PlannedContrast& contrast : design.contrasts) {
    EXPECT_FALSE(contrast.is_tuned());
    if (contrast.not_measurable.empty() || contrast.b.empty()) continue;
    ++without;
    EXPECT_EQ(title_of(contrast).substr(title_of(contrast).size() - 7), ", tuned");
    EXPECT_NE(contrast.not_measurable.find(contrast.a + ": no learning rate up to 4096 times"),
              std::string::npos)
        << contrast.not_measurable;
  }
  EXPECT_EQ(without, std::ranges::count_if(designs[0].contrasts, is_tunable));
  EXPECT_EQ(done.count({0, "A0", 0}), 1u);
  EXPECT_EQ(plan_of(study, designs, done).later, 0);
}

// Muon by part is better by a tenth with k's updates twice as large: it is judged with them, by whole
// without.
TEST(Tuning, TheArmByPartMayHaveFactorsOfItsOwn) {
  StudyConfig study{.experiments = {copy_experiment("own")}};
  study.experiments[0].part_factors = "on";
  const std::vector<Design> designs = {design_of(study.experiments[0])};
  RunResults done;
  for (Plan plan = plan_of(study, designs, done); !plan.jobs.empty(); plan = plan_of(study, designs, done)) {
    const Job& job = plan.jobs.front();
    RunResult result = pretended(job);
    const RunConfig& run = job.run.arm.run;
    for (double& loss : result.losses) {
      loss += 0.1 * std::abs(std::log2(run.k_rate / 2)) + 0.1 * std::abs(std::log2(run.q_rate * run.v_rate));
      loss += 0.1 * std::abs(std::log2(run.q_gain * run.k_gain * run.v_gain));
    }
    done[job.key] = result;
  }
  const Design design = with_tuned_rates(study, designs, done).at(0);
  std::size_t judged = 0;
  for (const PlannedContrast& contrast : design.contrasts) {
    if (!contrast.is_tuned()) continue;
    ++judged;
    EXPECT_EQ(contrast.a, contrast.cause == Cause::coupling ? "C1@0.16k2" : "A1@0.004");
    EXPECT_TRUE(done.contains({0, contrast.a, 1}) && done.contains({0, contrast.b, 1}));
    EXPECT_EQ(contrast.b.find('k'), std::string::npos);
    const auto arm = std::ranges::find(design.arms, contrast.a, &Arm::name);
    ASSERT_NE(arm, design.arms.end());
    EXPECT_EQ(arm->run.k_rate, contrast.cause == Cause::coupling ? 2 : 1);
    EXPECT_TRUE(arm->judged);
  }
  EXPECT_EQ(judged, 2u);
}

TEST(Tuning, OffTrainsNothingMore) {
  const StudyConfig study{.experiments = {copy_experiment("off")}};
  for (const auto& [key, run] : finished(study, false)) {
    EXPECT_LT(key.seed, 2);
    EXPECT_EQ(key.arm.find('@'), std::string::npos);
  }
}

}  // namespace
}  // namespace lockstep::train
