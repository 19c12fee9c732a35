// lockstep-mpi as a user starts it: the same numbers for any number of ranks, whatever is killed on the way.
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "tests/train/study/small_study.h"
#include "train/mpi/gpu_of_rank.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

Words joined_words(Words first, const Words& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// The processes that mpirun has started and that still run.
std::vector<pid_t> children_of(pid_t parent) {
  std::ifstream list(fmt::format("/proc/{0}/task/{0}/children", parent));
  std::vector<pid_t> children;
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

bool is_alive(pid_t process) {
  std::string id, name, state = "Z";  // a dead one that nobody has waited for
  std::ifstream(fmt::format("/proc/{}/stat", process)) >> id >> name >> state;
  return state != "Z";
}

class MpiStudy : public testing::Test {
 protected:
  void SetUp() override { data::write_file(folder_ / "small.toml", small_study); }

  // As root, more ranks than cores, and no network.
  Surroundings surroundings() const {
    return {.folder = folder_.path(),
            .environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                            {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                            {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                            {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                            {"OMPI_MCA_btl", "self,vader"},
                            {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"}}};
  }
  static Words mpirun(int ranks, const Words& line, const std::string& program = LOCKSTEP_MPI_PROGRAM) {
    return joined_words({"mpirun", "-n", std::to_string(ranks), program}, line);
  }
  Ended run(const Words& words) { return Program(words, surroundings()).wait(120); }
  void finish(const Words& words) {
    const Ended ended = run(words);
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  std::string numbers(const std::string& out) { return numbers_of(folder_.path() / out); }
  void expect_error(const Words& words, const std::string& part, int code = 2) {
    const Ended ended = run(words);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_EQ(times(ended.err, part), 1u) << ended.err;
    EXPECT_EQ(times(ended.err, "lockstep: "), 1u) << ended.err;
  }

  TempFolder folder_;
};

TEST_F(MpiStudy, AnyNumberOfRanksGivesTheSameNumbers) {
  finish({"lockstep", "study", "small.toml", "--out", "whole"});
  for (const int ranks : {1, 2, 4}) {
    const std::string out = fmt::format("on{}", ranks);
    finish(mpirun(ranks, {"study", "small.toml", "--threads", "1", "--out", out}));
    EXPECT_EQ(numbers(out), numbers("whole")) << ranks;
  }
  finish(mpirun(2, {"study", "small.toml", "--threads", "2", "--out", "threads"}));
  EXPECT_EQ(numbers("threads"), numbers("whole"));
}

TEST_F(MpiStudy, WhatItChoosesIsTheSame) {
  const Words tuned = {"--tune",       "own", "--primary", "mean_loss", "--seeds",       "2",
                       "--tune-seeds", "2",   "--steps",   "40",        "--curve-steps", "30",
                       "--threshold",  "2"},
              decided = {"--stopping", "decided",           "--primary", "mean_loss",
                         "--causes",   "rounding,coupling", "--seeds",   "20"};
  for (const Words& more : {tuned, decided}) {
    const std::string name = more.front().substr(2);
    finish(joined_words({"lockstep", "study", "small.toml", "--out", name}, more));
    finish(mpirun(3, joined_words({"study", "small.toml", "--out", name + "3"}, more)));
    EXPECT_EQ(numbers(name + "3"), numbers(name));
  }
}

// What every run of the rounding arms has under a name.
template <typename T>
std::vector<T> of_all_runs(const h5::File& file, const char* name) {
  std::vector<T> found;
  for (const char* arm : {"A0", "A0'", "A1"}) {
    const h5::Group seeds = file.group(std::string("experiments/0/") + arm);
    for (const std::string& seed : seeds.children()) found.push_back(seeds.group(seed).attribute<T>(name));
  }
  return found;
}

TEST_F(MpiStudy, EveryRankMakesRunsAndTheSlowOneDelaysItsOwnAlone) {
  Surroundings around = surroundings();
  around.environment["SLEEPING_SECONDS"] = "0.2";
  around.environment["SLEEPING_SLOW"] = "3";
  const Words line = {"study",       "small.toml", "--threads", "1",  "--causes", "rounding",
                      "--f64-seeds", "0",          "--seeds",   "22", "--out",    "a"};  // 48 runs
  const Ended ended = Program(mpirun(4, line, LOCKSTEP_SLEEPING_RUNS), around).wait(60);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const h5::File file = h5::File::open(folder_ / "a/study.h5");
  int slow = 0;
  for (const double seconds : of_all_runs<double>(file, "seconds")) slow += seconds > 0.5;
  // In 3.2 s three ranks make 15 runs each, and the fourth 3.
  EXPECT_GE(slow, 2);
  EXPECT_LE(slow, 5);
  EXPECT_LT(file.attribute<double>("wall_seconds"), 6);  // all runs by the slow pace: 12 s
}

std::size_t runs_if_any(const fs::path& file) { return fs::exists(file) ? runs_in(file) : 0; }

// Ends a job by kill -9 of mpirun, of rank 0 or of another one, in turn, within the first 20 runs that it
// adds: moments that the speed of the machine does not change. LOCKSTEP_KILLS: how many.
TEST_F(MpiStudy, KillsChangeNothing) {
  const char* const asked = std::getenv("LOCKSTEP_KILLS");
  const int wanted = asked ? std::atoi(asked) : 6;
  constexpr const char* victims[] = {"mpirun", "rank 0", "rank 1", "rank 2"};
  constexpr std::size_t ranks = std::size(victims) - 1;
  const auto line = [&](const std::string& out) {
    return mpirun(ranks, {"study", "small.toml", "--threads=1", "--seeds=16", "--resume", "--out", out});
  };
  const fs::path folder = folder_.path() / "killed", file = folder / "study.h5";
  fs::create_directory(folder_ / "whole");
  finish(line("whole"));
  const std::size_t all = runs_in(folder_ / "whole/study.h5");
  std::mt19937 random(2);
  std::uniform_int_distribution<std::size_t> more(0, 20);
  std::uniform_real_distribution<double> later(0, 0.05);
  std::map<std::string, int> killed;
  int in_the_middle = 0, kills = 0;
  const auto begin_again = [&] {
    fs::remove_all(folder);
    fs::create_directory(folder);
  };
  begin_again();
  // As many as are wanted, and on a busy machine more, until one has met the middle.
  while (kills < wanted || (in_the_middle == 0 && kills < 5 * wanted)) {
    const std::size_t before = runs_if_any(file), until = before + more(random);
    Program job(line("killed"), surroundings());
    std::vector<pid_t> processes;
    for (int i = 0; i < 6'000; ++i) {  // until it is where it is to be killed, or has ended
      processes = children_of(job.id());
      if ((processes.size() >= ranks && runs_if_any(file) >= until) || !is_alive(job.id())) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(later(random)));
    const std::size_t victim = static_cast<std::size_t>(kills) % std::size(victims);
    const bool is_there = is_alive(job.id()) && processes.size() >= ranks;
    if (is_there) {
      kill(victim == 0 ? job.id() : processes[victim - 1], SIGKILL);
      ++kills, ++killed[victims[victim]];
    }
    const Ended ended = job.wait(120);
    for (int i = 0; i < 1'000; ++i) {  // the ranks of a killed mpirun end by themselves
      if (std::ranges::none_of(processes, is_alive)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    for (const pid_t rank : processes) ASSERT_FALSE(is_alive(rank)) << "left behind by " << victims[victim];
    const std::size_t now = runs_if_any(file);
    ASSERT_GE(now, before);
    in_the_middle += is_there && now > before && now < all;
    if (now < all) continue;
    if (ended.code != 0) finish(line("killed"));  // all is there but what is written at the end
    ASSERT_EQ(numbers("killed"), numbers("whole")) << "after " << kills << " kills";
    begin_again();
  }
  EXPECT_GT(in_the_middle, 0);  // or else the test says nothing
  finish(line("killed"));
  EXPECT_EQ(numbers("killed"), numbers("whole"));
  for (const auto& [victim, times] : killed) RecordProperty(victim, times);
  fmt::print("{} kills, {} of them between runs that were kept: {}\n", kills, in_the_middle,
             fmt::join(killed, ", "));
}

TEST(GpuOfRank, TakesTurnsAmongThoseOfItsHost) {
  const auto four = [](int rank) { return mpi::gpu_of_rank(rank, std::nullopt, 4).value(); };
  EXPECT_EQ(four(0), "0");
  EXPECT_EQ(four(3), "3");
  EXPECT_EQ(four(5), "1");  // more ranks than GPUs
  EXPECT_EQ(mpi::gpu_of_rank(1, std::nullopt, 0), std::nullopt);
  EXPECT_EQ(mpi::gpu_of_rank(2, "4,5,7", 8), "7");
  EXPECT_EQ(mpi::gpu_of_rank(3, "4,5,7", 8), "4");
  EXPECT_EQ(mpi::gpu_of_rank(1, "GPU-aa,MIG-bb", 1), "MIG-bb");
  for (const int rank : {0, 1, 7}) EXPECT_EQ(mpi::gpu_of_rank(rank, "2", 8), "2");  // Slurm's, of one task
  EXPECT_EQ(mpi::gpu_of_rank(1, "", 8), "");                                        // none is to be seen
  EXPECT_EQ(mpi::gpu_of_rank(1, "NoDevFiles", 8), "NoDevFiles");                    // Slurm's word for it
}

TEST_F(MpiStudy, EachRankHasAGpuOfItsOwn) {
  Surroundings around = surroundings();
  around.environment["SLEEPING_SECONDS"] = "0.1";
  around.environment["CUDA_VISIBLE_DEVICES"] = "4,6,7";
  const Words line = {"study",       "small.toml", "--threads", "1", "--causes", "rounding",
                      "--f64-seeds", "0",          "--seeds",   "7", "--out",    "a"};  // 18 runs
  const Ended ended = Program(mpirun(4, line, LOCKSTEP_SLEEPING_RUNS), around).wait(60);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const h5::File file = h5::File::open(folder_ / "a/study.h5");
  const std::vector<std::string> all = of_all_runs<std::string>(file, "fingerprint");
  const std::set<std::string> used(all.begin(), all.end());
  EXPECT_EQ(used, (std::set<std::string>{"0000000000000005", "0000000000000007", "0000000000000008"}));
}

TEST_F(MpiStudy, AStopIsClean) {
  Surroundings around = surroundings();
  // s from mpirun's first signal to the next, SIGTERM, and from that to SIGKILL: 1. The study takes longer.
  around.environment["OMPI_MCA_odls_base_sigkill_timeout"] = "8";
  Program job(mpirun(2, {"study", "small.toml", "--threads", "1", "--seeds", "2000", "--threshold", "2",
                         "--out", "a"}),
              around);
  const fs::path file = folder_.path() / "a/study.h5";
  for (int i = 0; i < 5'000 && (!fs::exists(file) || runs_in(file) < 5); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  job.signal(SIGINT);
  const Ended ended = job.wait(120);
  EXPECT_NE(ended.code, 0);
  EXPECT_EQ(times(ended.err, "Go on with: "), 1u) << ended.err;
  EXPECT_GE(runs_in(file), 5u);
}

TEST_F(MpiStudy, BadUseIsSaidOnce) {
  expect_error(mpirun(3, {"study", "smal.toml"}), "cannot read smal.toml");
  expect_error(mpirun(3, {"study", "--seeds", "-3"}), "--seeds -3: expected a whole number");
  expect_error(mpirun(3, {"studdy"}), "there is no command studdy");
  expect_error(mpirun(2, {"study", "small.toml", "--stopping", "decided", "--shard", "1/2"}),
               "each further seed");
  finish(mpirun(2, {"study", "small.toml", "--out", "a"}));
  expect_error(mpirun(2, {"study", "small.toml", "--lr", "0.5", "--out", "a"}), "holds another study");
  expect_error({"mpirun", "-n", "3", LOCKSTEP_PROGRAM, "study", "small.toml", "--out", "b"},
               "use lockstep-mpi");
  EXPECT_FALSE(fs::exists(folder_ / "b"));
}

TEST_F(MpiStudy, RanksOfAnotherLockstepAreNamed) {
  const Words line = {LOCKSTEP_SLEEPING_RUNS, "study", "small.toml", "--out", "a"};
  Words words = joined_words({"mpirun", "-n", "2"}, line);
  words.insert(words.end(), {":", "-n", "1", "env", "SLEEPING_VERSION=0.0.9"});
  expect_error(joined_words(words, line), "all ranks must run one Lockstep");
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(MpiStudy, WhatFailsOnARankIsSaidWithItsName) {
  const Words line = {LOCKSTEP_MPI_PROGRAM, "study", "--task", "digits", "--threads", "1", "--out", "a"};
  Words words = joined_words({"mpirun", "-n", "1"}, line);
  words.insert(words.end(), {":", "-n", "1", "env", "LOCKSTEP_DATA=/nowhere"});
  const Ended ended = run(joined_words(words, line));
  EXPECT_NE(ended.code, 0);
  EXPECT_EQ(times(ended.err, "rank 1 on "), 1u) << ended.err;
  EXPECT_TRUE(contains(ended.err, "digits.h5")) << ended.err;
}

}  // namespace
}  // namespace lockstep::train
