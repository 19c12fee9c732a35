// A study in shards, one for each machine, and what merging makes of them.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "tests/train/study/small_study.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Shards : public testing::Test {
 protected:
  void SetUp() override { data::write_file(folder_ / "small.toml", small_study); }

  Words words(const std::string& out, const Words& more = {}) const {
    Words all = {"study", "small.toml", "--out", out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Ended in_folder(const Words& words) { return lockstep(words, {.folder = folder_.path()}); }
  Ended finish(const Words& words) {
    const Ended ended = in_folder(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended;
  }
  void expect_error(const Words& words, const std::string& part) {
    const Ended ended = in_folder(words);
    EXPECT_EQ(ended.code, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_TRUE(contains(ended.err, part)) << ended.err;
  }
  // All shards but those left out, in s1, s2, ...
  void make_shards(int count, const Words& more = {}, const std::set<int>& without = {}) {
    for (int i = 1; i <= count; ++i) {
      if (without.contains(i)) continue;
      Words all = words(fmt::format("s{}", i), {"--shard", fmt::format("{}/{}", i, count)});
      all.insert(all.end(), more.begin(), more.end());
      finish(all);
    }
  }
  // What `all` holds is the study in `whole`, and says so.
  void expect_same_study(const std::string& all, const std::string& whole) {
    const std::string report = finish({"report", all}).out;
    EXPECT_TRUE(finish(words(whole)).out.starts_with(report.substr(0, report.find("\nReport:"))));
    finish(
        {"study", all + "/study.toml", "--out", all, "--resume"});  // writes the verdicts into study.h5, too
    EXPECT_EQ(numbers_of(folder_.path() / all), numbers_of(folder_.path() / whole));
  }
  // The commands in a text: lines that go on behind "lockstep ".
  Words commands_in(const std::string& text) {
    Words found;
    for (std::size_t at = text.find(": lockstep "); at != std::string::npos;
         at = text.find(": lockstep ", at + 1))
      found.push_back(text.substr(at + 2, text.find('\n', at) - at - 2));
    return found;
  }

  TempFolder folder_;
};

TEST_F(Shards, MergedAreTheStudyOfOneMachine) {
  finish(words("whole"));
  make_shards(3);
  EXPECT_FALSE(fs::exists(folder_ / "s1/report.html"));
  const Ended merged = finish({"merge", "s1", "s2", "s3", "--out", "all"});
  EXPECT_TRUE(contains(merged.out, "46 runs from 3 folders")) << merged.out;
  EXPECT_FALSE(contains(merged.out, "missing")) << merged.out;
  expect_same_study("all", "whole");
  // Once more, with itself among them, changes nothing.
  finish({"merge", "s1", "all", "s2/study.h5", "s3", "--out", "all"});
  expect_same_study("all", "whole");
}

TEST_F(Shards, MoreOfThemThanSeedsHaveNothingToDo) {
  make_shards(7);
  EXPECT_TRUE(contains(finish(words("s7", {"--shard", "7/7"})).out, "Shard 7/7 has nothing to train"));
  EXPECT_FALSE(
      contains(finish({"merge", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "--out", "all"}).out, "missing"));
}

// The commands that merging gives make what is missing.
TEST_F(Shards, ALostOneIsNamedWithItsCommand) {
  finish(words("whole"));
  make_shards(3, {}, {2});
  fs::create_directory(folder_ / "s2");  // killed before it wrote anything
  const Ended merged = finish({"merge", "s1", "s2", "s3", "--out", "all"});
  EXPECT_TRUE(contains(merged.err, "s2 holds no study.h5 yet: left out"));
  EXPECT_TRUE(contains(merged.out, "17 runs missing")) << merged.out;
  const Words commands = commands_in(merged.out);
  ASSERT_EQ(commands.size(), 3u) << merged.out;  // the shard's, all of them, the report
  EXPECT_EQ(commands[0], "lockstep study all/study.toml --shard 2/3 --out s2");
  EXPECT_TRUE(contains(finish({"report", "all"}).out, "    3 pairs"));
  ASSERT_EQ(shell(commands[0], {.folder = folder_.path()}).code, 0);
  EXPECT_EQ(commands_in(finish({"merge", "s1", "s2", "s3", "--out", "all"}).out).size(), 1u);
  expect_same_study("all", "whole");

  finish({"merge", "s1", "s3", "--out", "other"});
  ASSERT_EQ(shell("lockstep study other/study.toml --out other --resume", {.folder = folder_.path()}).code,
            0);
  expect_same_study("other", "whole");
}

TEST_F(Shards, WithTunedRatesShareThem) {
  const Words tuned = {"--tune",       "own", "--primary", "mean_loss", "--seeds",       "2",
                       "--tune-seeds", "2",   "--steps",   "40",        "--curve-steps", "30",
                       "--threshold",  "2"};
  const auto with = [&](Words more) {
    more.insert(more.begin(), tuned.begin(), tuned.end());
    return more;
  };
  finish(words("whole", tuned));
  expect_error(words("s1", with({"--shard", "1/2"})),
               "make them first, by the same command with --shard rates");
  EXPECT_FALSE(fs::exists(folder_ / "s1"));
  finish(words("rates", with({"--shard", "rates"})));
  make_shards(2, with({"--rates", "rates"}));
  EXPECT_FALSE(contains(finish({"merge", "rates", "s1", "s2", "--out", "all"}).out, "missing"));
  finish({"study", "all/study.toml", "--out", "all", "--resume"});
  EXPECT_EQ(numbers_of(folder_.path() / "all"), numbers_of(folder_.path() / "whole"));

  const Ended without = finish({"merge", "s2", "--out", "half"});
  const std::string command = commands_in(without.out).at(0);
  EXPECT_EQ(command, "lockstep study half/study.toml --shard 1/2 --rates half --out s1 --resume");
}

// Of a run with another last digit, which no equal machine makes.
TEST_F(Shards, OneRunHasOneResult) {
  make_shards(2);
  fs::copy(folder_ / "s2", folder_ / "again", fs::copy_options::recursive);
  EXPECT_TRUE(contains(finish({"merge", "s1", "s2", "again", "--out", "all"}).out, "46 runs from 3 folders"));
  h5::File file = h5::File::modify(folder_ / "again/study.h5");
  h5::Group run = file.group("experiments/0/A1/00001");
  std::vector<double> losses = run.read<double>("loss").values;
  losses.back() = std::nextafter(losses.back(), 0);
  run.remove("loss");
  run.write("loss", losses, {std::ssize(losses)});
  file.commit();
  const std::string before = data::read_file(folder_ / "all/study.h5");
  expect_error({"merge", "s1", "s2", "again", "--out", "all"},
               "copy, arm A1, seed 1 has another result in again");
  EXPECT_EQ(data::read_file(folder_ / "all/study.h5"), before);
}

TEST_F(Shards, OfOtherStudiesAreRefused) {
  finish(words("s1", {"--shard", "1/2"}));
  finish(words("s2", {"--shard", "2/2", "--lr", "0.02"}));
  expect_error({"merge", "s1", "s2", "--out", "all"},
               "s2 holds another study (there, asked for): lr: 0.02, 0.01");
  expect_error({"merge", "s1", "s3", "--out", "all"}, "s3: expected a study's folder: there is none");
  expect_error({"merge", "s1"}, "merge needs a --out");
  EXPECT_FALSE(fs::exists(folder_ / "all"));
}

TEST_F(Shards, BadUseIsSaid) {
  const std::pair<Words, const char*> cases[] = {
      {{"--shard", "17/16"}, "--shard 17/16, number 17: expected a whole number from 1 to 16"},
      {{"--shard", "0/16"}, "--shard 0/16, number 0: expected a whole number from 1 to 16"},
      {{"--shard", "3/0"}, "--shard 3/0, of 0: expected a whole number from 1 to 1000000"},
      {{"--shard", "3"}, "--shard 3: expected which one of how many, as in 3/16, or rates"},
      {{"--shard", "a/b"}, "--shard a/b, of b: expected a whole number"},
      {{"--shard", "1/2", "--stopping", "decided"}, "use mpirun lockstep-mpi study ..., or --stopping fixed"},
      {{"--rates", "s1"}, "--rates is for a part of a study"},
  };
  for (const auto& [more, part] : cases) expect_error(words("a", more), part);
  EXPECT_FALSE(fs::exists(folder_ / "a"));
}

TEST_F(Shards, AKilledOneGoesOn) {
  finish(words("whole"));
  finish(words("s2", {"--shard", "2/2"}));
  const Ended once = finish(words("timed", {"--shard", "1/2"}));
  fs::create_directory(folder_ / "s1");  // so that --resume begins it as well, as a batch job's does
  std::mt19937 random(1);
  std::uniform_real_distribution<double> moment(0, 0.8 * once.seconds);
  Words line = words("s1", {"--shard", "1/2", "--resume"});
  line.insert(line.begin(), "lockstep");
  const char* const asked = std::getenv("LOCKSTEP_KILLS");
  for (int kills = asked ? std::atoi(asked) : 10; kills > 0; --kills) {
    Program shard(line, {.folder = folder_.path()});
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    shard.signal(SIGKILL);
    const Ended ended = shard.wait();
    ASSERT_TRUE(ended.code == 0 || ended.code == 128 + SIGKILL) << ended.err;
  }
  finish(words("s1", {"--shard", "1/2", "--resume"}));
  finish({"merge", "s1", "s2", "--out", "all"});
  expect_same_study("all", "whole");
}

}  // namespace
}  // namespace lockstep::train
