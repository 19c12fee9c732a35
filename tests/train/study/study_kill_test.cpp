// Whatever ends a study, nothing finished is lost, and resuming gives the numbers of an uninterrupted one.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "tests/train/study/small_study.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> arguments(const TempFolder& folder, const std::string& out, bool resume,
                                   const std::string& threads = "2") {
  std::vector<std::string> words = {"lockstep",  "study", folder / "small.toml", "--out", folder / out,
                                    "--threads", threads};
  if (resume) words.push_back("--resume");
  return words;
}

// A folder with small.toml, and in a/ the study run to its end without interruption.
class StudyProgram : public testing::Test {
 protected:
  void SetUp() override { data::write_file(folder_ / "small.toml", small_study); }

  Ended finish(const std::string& out, bool resume = false, const std::string& threads = "2") {
    const Ended ended = Program(arguments(folder_, out, resume, threads)).wait();
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended;
  }
  std::string numbers(const std::string& out) { return numbers_of(folder_.path() / out); }

  TempFolder folder_;
};

class KilledStudy : public StudyProgram, public testing::WithParamInterface<int> {
 protected:
  // With so many seeds that training takes longer than what comes before and after.
  void SetUp() override {
    std::string study = small_study;
    const std::string seeds = "seeds = 5";
    data::write_file(folder_ / "small.toml", study.replace(study.find(seeds), seeds.size(), "seeds = 9"));
  }
};

// A hundred kills in all, at random moments from the start of the process to its end. Each time study.h5 must
// be whole and hold no less than before.
TEST_P(KilledStudy, GoesOnToTheSameNumbers) {
  const double whole = finish("a").seconds;
  const std::string expected = numbers("a");
  const std::size_t all = runs_in(folder_ / "a/study.h5");
  const fs::path out = folder_.path() / "b", file = out / "study.h5";
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  std::uniform_real_distribution<double> moment(0, 1.1 * whole);
  std::size_t runs = 0;
  int in_the_middle = 0, at_the_end = 0, finished = 0;
  for (int kills = 0; kills < 25;) {
    Program study(arguments(folder_, "b", fs::exists(out)));
    std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
    study.signal(SIGKILL);
    const Ended ended = study.wait();
    ASSERT_TRUE(ended.code == 0 || ended.code == 128 + SIGKILL) << ended.err;
    kills += ended.code != 0;
    const std::size_t now = fs::exists(file) ? runs_in(file) : 0;
    ASSERT_GE(now, runs);
    in_the_middle += ended.code != 0 && now > 0 && now < all;
    runs = now;
    // With all runs done, the rest can take longer than any of the moments: once killed there, it may end.
    if (ended.code != 0 && (now < all || ++at_the_end < 2)) continue;
    at_the_end = 0;
    if (ended.code != 0) finish("b", true);
    ++finished;
    ASSERT_EQ(numbers("b"), expected);
    fs::remove_all(out);
    runs = 0;
  }
  EXPECT_GT(in_the_middle, 0);  // or else the test says nothing
  if (fs::exists(out)) {
    finish("b", true);
    EXPECT_EQ(numbers("b"), expected);
    for (const std::string& name : names_in(out)) EXPECT_FALSE(name.ends_with(".tmp")) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(AtRandomMoments, KilledStudy, testing::Range(0, 4));

// A kill between the naming of the new file and its taking the old one's place leaves the former.
TEST_F(StudyProgram, LeftoversOfAKilledWriterGo) {
  fs::create_directory(folder_ / "a");
  const std::string of_the_dead = folder_ / "a/.study.h5.4194999-2.tmp";  // above the largest process number
  const std::string of_the_living = fmt::format("{}/.study.h5.{}-0.tmp", folder_ / "a", getpid());
  for (const std::string& name : {of_the_dead, of_the_living}) data::write_file(name, "x");
  finish("a");
  EXPECT_FALSE(fs::exists(of_the_dead));
  EXPECT_TRUE(fs::exists(of_the_living));
}

// What can stand in the folder when the very first write is cut off.
TEST_F(StudyProgram, KilledAsItBeginsGoesOn) {
  finish("a");
  fs::create_directory(folder_ / "empty");
  finish("empty", true);
  EXPECT_EQ(numbers("empty"), numbers("a"));

  fs::create_directory(folder_ / "settings");
  fs::copy_file(folder_ / "a/study.toml", folder_ / "settings/study.toml");
  finish("settings", true, "1");
  EXPECT_EQ(numbers("settings"), numbers("a"));
}

TEST_F(StudyProgram, CtrlCStopsWithinASecondAndSaysHowToGoOn) {
  const auto long_study = [&](const std::string& out) {
    std::vector<std::string> words = arguments(folder_, out, false, "1");
    words.insert(words.end(), {"--seeds", "20"});
    return words;
  };
  ASSERT_EQ(Program(long_study("a")).wait().code, 0);
  for (const int number : {SIGINT, SIGTERM}) {
    const std::string out = number == SIGINT ? "it's b" : "c";  // a name that needs quoting
    Program study(long_study(out));
    const fs::path file = folder_.path() / out / "study.h5";
    for (int i = 0; i < 5'000 && (!fs::exists(file) || runs_in(file) < 1); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto before = std::chrono::steady_clock::now();
    study.signal(number);
    const Ended ended = study.wait();
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
    ASSERT_EQ(ended.code, 130) << ended.err;
    EXPECT_GE(runs_in(file), 1u);
    EXPECT_EQ(ended.out, "");
    const std::string mark = "Go on with: ";
    ASSERT_TRUE(contains(ended.err, mark));
    const std::string rest = ended.err.substr(ended.err.find(mark) + mark.size());
    const Ended resumed = shell(rest.substr(0, rest.find('\n')));
    EXPECT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_TRUE(contains(resumed.out, "Copy task"));
    EXPECT_EQ(numbers(out), numbers("a"));
  }
}

TEST_F(StudyProgram, ASecondCtrlCEndsAtOnce) {
  std::vector<std::string> words = arguments(folder_, "a", false, "1");
  words.insert(words.end(), {"--width", "256", "--batch", "4096"});  // a step takes seconds
  Program study(words);
  for (int i = 0; i < 5'000 && !fs::exists(folder_ / "a/study.toml"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // for the first step to begin
  study.signal(SIGINT);
  study.signal(SIGTERM);  // with the first: still the clean stop
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  study.signal(SIGTERM);
  const Ended ended = study.wait(5);
  EXPECT_EQ(ended.code, 128 + SIGTERM) << ended.err;
  EXPECT_EQ(runs_in(folder_ / "a/study.h5"), 0u);
}

// timeout(1) sends its signal twice.
TEST_F(StudyProgram, ATimeoutIsACleanStop) {
  const std::string command = "study " + (folder_ / "small.toml") + " --seeds 500 --out " + (folder_ / "a");
  const Ended ended = shell("timeout 0.5 lockstep " + command);
  EXPECT_EQ(ended.code, 124);
  EXPECT_TRUE(contains(ended.err, "Go on with: lockstep " + command + " --resume"));
}

// Other work on the machine changes the order in which threads get on, and nothing else.
TEST_F(StudyProgram, ThreadsAndOtherWorkChangeNoBit) {
  finish("a", false, "1");
  std::atomic<bool> end = false;
  std::jthread busy([&] {
    while (!end) {
    }
  });
  finish("b", false, "2");
  finish("c", false, "3");
  end = true;
  EXPECT_EQ(numbers("b"), numbers("a"));
  EXPECT_EQ(numbers("c"), numbers("a"));
}

TEST_F(StudyProgram, TheResolvedSettingsGiveTheSameNumbers) {
  const std::vector<std::string> set = {"--seeds", "2", "--lr", "0.0312", "--causes", "draw,coupling"};
  std::vector<std::string> words = arguments(folder_, "a", false);
  words.insert(words.end(), set.begin(), set.end());
  ASSERT_EQ(Program(words).wait().code, 0);
  const Ended again = lockstep({"study", folder_ / "a/study.toml", "--out", folder_ / "b"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(numbers("b"), numbers("a"));
  EXPECT_EQ(data::read_file(folder_ / "b/study.toml"), data::read_file(folder_ / "a/study.toml"));
}

// A limit on the size of files stands for a full disk: the first few runs fit, all of them do not.
TEST_F(StudyProgram, AFullDiskLosesNothing) {
  finish("a");
  const auto all = static_cast<std::int64_t>(fs::file_size(folder_ / "a/study.h5"));
  Program study(arguments(folder_, "b", false, "1"), {.file_bytes = all / 2});
  const Ended ended = study.wait();
  EXPECT_EQ(ended.code, 1);
  EXPECT_TRUE(contains(ended.err, "study.h5: File too large; what stood there before is unchanged"));
  EXPECT_TRUE(contains(ended.err, "go on with: "));
  const std::size_t runs = runs_in(folder_ / "b/study.h5");
  EXPECT_GT(runs, 0u);
  EXPECT_LT(runs, runs_in(folder_ / "a/study.h5"));
  finish("b", true);
  EXPECT_EQ(numbers("b"), numbers("a"));

  const Ended nothing = Program(arguments(folder_, "c", false), {.file_bytes = 1'000}).wait();
  EXPECT_NE(nothing.code, 0);
  EXPECT_TRUE(contains(nothing.err, "File too large"));
  EXPECT_FALSE(fs::exists(folder_ / "c"));
  EXPECT_NE(shell("lockstep tasks >/dev/full").code, 0);
}

}  // namespace
}  // namespace lockstep::train
