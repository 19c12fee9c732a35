#include "train/study/study_results.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <new>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"
#include "train/config/toml.h"
#include "train/probes/at_intervals.h"
#include "train/study/study.h"

namespace lockstep::train {
namespace {

StudyConfig small_study() {
  StudyConfig study = parse_study(R"(
name = "small"
question = "Is it small?"
threads = 2
[[experiment]]
task = "copy"
seeds = 2
steps = 3
curve_steps = 2
batch = 2
layers = 1
width = 8
heads = 2
mlp = 8
tune = "off"
)",
                                  "small.toml");
  return study;
}

const std::atomic<bool> never = false;

// Memory that is gone in the run that is made after so many others.
std::atomic<int> runs_with_memory = 0;
class OutOfMemory final : public AtIntervals {
  void look(const Training&) override {
    if (--runs_with_memory < 0) throw std::bad_alloc();
  }
};
const Registry<ProbeKind>::Entry out_of_memory_probe({.key = "out_of_memory",
                                                      .label = "nothing",
                                                      .unit = "1",
                                                      .formula = "none",
                                                      .source = "",
                                                      .make = make_at_intervals<OutOfMemory>,
                                                      .on_request = true});

TEST(StudyResults, ReportComesFromTheFileAlone) {
  const TempFolder folder;
  testing::internal::CaptureStdout();
  ASSERT_EQ(run_study(small_study(), {.out = folder.path(), .command = "lockstep study small.toml"}, never),
            StudyEnd::finished);
  testing::internal::GetCapturedStdout();
  const std::filesystem::path again = folder.path() / "again";
  std::filesystem::create_directory(again);
  const StudyRecord record = read_study_record(folder / "study.h5");
  const StudySummary summary = write_results(record, again);
  for (const char* file :
       {"arms.csv", "runs.csv", "probes.csv", "contrasts.csv", "rates.csv", "bands.csv", "report.html"})
    EXPECT_EQ(data::read_file(folder / file), data::read_file(again / file)) << file;
  EXPECT_EQ(summary.command, "lockstep study small.toml");
  EXPECT_EQ(summary.name, "small");
  EXPECT_EQ(summary.environment.size(), summary.commit.empty() ? 9u : 10u);
  EXPECT_EQ(summary.date.size(), 20u);
  EXPECT_GT(summary.seconds, 0);
  EXPECT_TRUE(summary.tasks.at(0).valid);
  // No run of three steps gets below the threshold.
  EXPECT_EQ(summary.tasks[0].contrasts.at(0).censored, 2);
}

TEST(StudyResults, AnErrorOfAnyKindSavesTheFinishedRuns) {
  const TempFolder folder;
  StudyConfig study = small_study();
  study.threads = 1;
  study.experiments[0].probes = {"out_of_memory"};
  runs_with_memory = 3;
  std::string said;
  try {
    run_study(study, {.out = folder.path(), .go_on = "lockstep study --resume"}, never);
  } catch (const std::exception& error) {
    said = error.what();
  }
  EXPECT_TRUE(contains(
      said, "finished runs are in " + folder / "study.h5" + "; go on with: lockstep study --resume"));
  EXPECT_EQ(read_study_record(folder / "study.h5").runs.size(), 3u);
}

// Who has the files alone can tell what an arm is and in which metric a contrast was judged.
TEST(StudyResults, FilesExplainThemselves) {
  const TempFolder folder;
  testing::internal::CaptureStdout();
  run_study(small_study(), {.out = folder.path()}, never);
  testing::internal::GetCapturedStdout();
  const h5::File file = h5::File::open(folder / "study.h5");
  const h5::Group arms = file.group("arms");
  const auto column = [&](const char* name) { return arms.attribute<std::vector<std::string>>(name); };
  const std::vector<std::string> names = column("arm"), storage = column("storage"),
                                 init = column("initialise_by"), optimise = column("optimise_by");
  ASSERT_EQ(names.size(), storage.size());
  EXPECT_EQ(storage.at(0), "separate");
  const auto row = static_cast<std::size_t>(std::ranges::find(names, "A3") - names.begin());
  ASSERT_LT(row, names.size());
  EXPECT_EQ(init.at(row), "tensor");
  EXPECT_EQ(optimise.at(row), "part");
  const auto sized = static_cast<std::size_t>(std::ranges::find(names, "C4s") - names.begin());
  ASSERT_LT(sized, names.size());
  EXPECT_EQ(optimise.at(sized), "tensor, sized as by part");
  const std::string csv = data::read_file(folder / "arms.csv");
  EXPECT_TRUE(csv.starts_with(
      "task,arm,label,purpose,storage,precision,initialiser,initialise_by,optimizer,optimise_by,"));
  EXPECT_TRUE(contains(csv, "\"tensor, sized as by part\""));
  EXPECT_EQ(file.group("experiments/0/A0").children(), (std::vector<std::string>{"00000", "00001"}));
  const h5::Group contrast = file.group("contrasts/000");
  EXPECT_EQ(contrast.attribute<std::string>("metric"), "steps_to_threshold");
  EXPECT_TRUE(
      contains(contrast.attribute<std::string>("metric_label"), "steps until the training loss is below"));
  EXPECT_TRUE(contains(data::read_file(folder / "contrasts.csv"), ",steps_to_threshold,steps until "));
}

TEST(StudyResults, ResumingKeepsTheFirstCommandAndAddsTheTime) {
  const TempFolder folder;
  testing::internal::CaptureStdout();
  run_study(small_study(), {.out = folder.path(), .command = "first"}, never);
  const StudyRecord first = read_study_record(folder / "study.h5");
  run_study(small_study(), {.out = folder.path(), .resume = true, .command = "second"}, never);
  testing::internal::GetCapturedStdout();
  const StudyRecord second = read_study_record(folder / "study.h5");
  EXPECT_EQ(second.about.at("command"), "first");
  EXPECT_EQ(second.about.at("date"), first.about.at("date"));
  EXPECT_GT(second.seconds, first.seconds);
}

TEST(StudyResults, AnUnfinishedStudyIsJudgedOnItsWholeSeeds) {
  const TempFolder folder;
  testing::internal::CaptureStdout();
  run_study(small_study(), {.out = folder.path()}, never);
  testing::internal::GetCapturedStdout();
  StudyRecord record = read_study_record(folder / "study.h5");
  ASSERT_EQ(record.runs.erase({0, "A3", 1}), 1u);
  const StudySummary summary = write_results(record, folder.path());
  EXPECT_EQ(summary.notes.at(0), "Not finished: every arm of the copy task has run with 1 of 2 seeds.");
  EXPECT_EQ(summary.tasks.at(0).contrasts.at(0).pairs, 1);
  ASSERT_EQ(record.runs.erase({0, "A3", 0}), 1u);
  EXPECT_TRUE(contains(error_of([&] { write_results(record, folder.path()); }), "go on with --resume"));
}

TEST(StudyResults, ForeignFilesAreRefused) {
  const TempFolder folder;
  h5::File file = h5::File::create(folder / "study.h5");
  file.commit();
  EXPECT_TRUE(contains(error_of([&] { read_study_record(folder / "study.h5"); }), "is not a study file"));
}

TEST(StudyResults, ADivergedRunIsCountedAndItsCurveGoesToInfinity) {
  const TempFolder folder;
  testing::internal::CaptureStdout();
  run_study(small_study(), {.out = folder.path()}, never);
  testing::internal::GetCapturedStdout();
  StudyRecord record = read_study_record(folder / "study.h5");
  RunResult& run = record.runs.at({0, "A1", 0});
  run.diverged = true;
  run.losses.resize(1);
  const StudySummary summary = write_results(record, folder.path());
  EXPECT_EQ(summary.tasks.at(0).contrasts.at(0).diverged, 1);
  EXPECT_TRUE(contains(data::read_file(folder / "report.html"), "1 diverged"));
}

}  // namespace
}  // namespace lockstep::train
