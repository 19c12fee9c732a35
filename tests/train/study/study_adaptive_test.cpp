// Studies that choose what to run by what came out: learning rates, and when there are seeds enough.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <random>
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

class AdaptiveStudy : public testing::Test {
 protected:
  void SetUp() override { data::write_file(folder_ / "small.toml", small_study); }

  Words words(const std::string& out, const Words& more) const {
    Words all = {"lockstep", "study", folder_ / "small.toml", "--out", folder_ / out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Ended finish(const std::string& out, const Words& more) {
    const Ended ended = Program(words(out, more)).wait();
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended;
  }
  std::string numbers(const std::string& out) { return numbers_of(folder_.path() / out); }

  // Kills it on its way, again and again. Its numbers must be those of `a`.
  void expect_kills_change_nothing(Words more, double seconds) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> moment(0, 0.6 * seconds);
    int kills = 0;
    for (bool done = false; !done;) {
      Program study(words("killed", more));
      // Ever later, so that it ends on a machine that has become slower since `seconds` were measured.
      std::this_thread::sleep_for(std::chrono::duration<double>(0.03 + moment(random) * (1 + kills / 8.0)));
      study.signal(SIGKILL);
      const Ended ended = study.wait();
      done = ended.code == 0;
      kills += !done;
      ASSERT_TRUE(done || ended.code == 128 + SIGKILL) << ended.err;
      if (done && kills == 0) {  // the machine has become faster
        fs::remove_all(folder_.path() / "killed");
        moment = std::uniform_real_distribution<double>(0, moment.b() / 2);
        done = moment.b() < 0.01;
        continue;
      }
      ASSERT_LT(kills, 200);
      if (more.back() != "--resume" && fs::exists(folder_.path() / "killed")) more.emplace_back("--resume");
    }
    EXPECT_GT(kills, 0);
    EXPECT_EQ(numbers("killed"), numbers("a"));
  }

  TempFolder folder_;
};

const Words tuned = {"--tune",  "own", "--primary",     "mean_loss", "--seeds",     "2", "--tune-seeds", "2",
                     "--steps", "40",  "--curve-steps", "30",        "--threshold", "2"};

TEST_F(AdaptiveStudy, TunedRatesAreTheSameWhateverHappens) {
  const Ended whole = finish("a", tuned);
  EXPECT_TRUE(contains(whole.out, "coupling, tuned"));
  EXPECT_TRUE(contains(whole.out, "chosen on other seeds"));
  Words more = tuned;
  more.insert(more.end(), {"--threads", "3"});
  finish("b", more);
  EXPECT_EQ(numbers("b"), numbers("a"));
  expect_kills_change_nothing(tuned, whole.seconds);
  // What it says of the rates is in the files.
  const h5::File file = h5::File::open(folder_ / "a/study.h5");
  bool recorded = false;
  for (const std::string& name : file.group("contrasts").children())
    recorded |= file.group("contrasts/" + name).has_group("rates");
  EXPECT_TRUE(recorded);
  EXPECT_TRUE(contains(data::read_file(folder_ / "a/rates.csv"), ",judged,2,"));
}

TEST_F(AdaptiveStudy, NoMetricOfThatName) {
  const Ended ended = Program(words("a", {"--primary", "mean_los"})).wait();
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "primary = \"mean_los\" is not known: did you mean \"mean_loss\"?"));
}

const Words decided = {"--stopping", "decided", "--primary", "mean_loss", "--causes", "rounding,coupling"};

Words with(Words all, const Words& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST_F(AdaptiveStudy, SeedsEndWhereAllIsDecided) {
  const Ended whole = finish("a", with(decided, {"--seeds", "40"}));
  EXPECT_TRUE(contains(whole.out, "equivalent"));  // rounding: as soon as can be
  const std::size_t runs = runs_in(folder_ / "a/study.h5");
  EXPECT_LT(runs, 7 * 40u);
  finish("b", with(decided, {"--seeds", "40", "--threads", "3"}));
  EXPECT_EQ(numbers("b"), numbers("a"));
  expect_kills_change_nothing(with(decided, {"--seeds", "40"}), whole.seconds);
}

TEST_F(AdaptiveStudy, SeedsAreAddedOnlyWhereVerdictsStayValid) {
  finish("a", with(decided, {"--seeds", "12"}));
  finish("b", with(decided, {"--seeds", "8"}));
  finish("b", with(decided, {"--seeds", "12", "--resume"}));
  EXPECT_EQ(numbers("b"), numbers("a"));
  finish("fixed", {"--seeds", "2", "--causes", "rounding"});
  const Ended refused = Program(words("fixed", {"--seeds", "3", "--causes", "rounding", "--resume"})).wait();
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(
      contains(refused.err, "only with stopping = \"decided\" do verdicts stay valid as seeds are added"));
}

}  // namespace
}  // namespace lockstep::train
