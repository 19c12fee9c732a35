// What the program makes of files that somebody else wrote, or something damaged.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <fstream>

#include "data/files/atomic_file.h"
#include "data/files/safetensors.h"
#include "data/weights/weights.h"
#include "tests/data/temp_folder.h"
#include "tests/fuzz/checkpoint_input.h"
#include "tests/fuzz/toml_input.h"
#include "tests/train/cli/cli.h"
#include "tests/train/study/small_study.h"
#include "train/config/toml.h"
#include "train/text/text_layout.h"
#include "train/training/checkpoint.h"

namespace lockstep::train {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class StoredFiles : public testing::Test {
 protected:
  void SetUp() override { data::write_file(folder_ / "small.toml", small_study); }

  Ended study(const Words& more = {}) {
    Words words = {"study", folder_ / "small.toml", "--out", folder_ / "a", "--seeds", "1", "--causes",
                   "draw"};
    words.insert(words.end(), more.begin(), more.end());
    return lockstep(words);
  }
  Ended train(const std::string& out, const Words& more = {}) {
    Words words = {"train", "--layers", "1", "--width", "8", "--heads", "2",          "--mlp",
                   "8",     "--batch",  "4", "--steps", "2", "--out",   folder_ / out};
    words.insert(words.end(), more.begin(), more.end());
    return lockstep(words);
  }
  // Exit code 2, and this in the message.
  void expect_refused(const Ended& ended, const std::string& part) {
    EXPECT_EQ(ended.code, 2) << ended.out;
    EXPECT_TRUE(contains(ended.err, part));
  }

  TempFolder folder_;
};

TEST_F(StoredFiles, TheConfigurationInAStudyIsHeldToTheSameRules) {
  ASSERT_EQ(study().code, 0);
  const auto with_config = [&](const std::string& from, const std::string& to) {
    h5::File file = h5::File::modify(folder_ / "a/study.h5");
    std::string config = file.attribute<std::string>("config");
    config.replace(config.find(from), from.size(), to);
    file.set_attribute("config", config);
    file.commit();
  };
  with_config("seeds = 1 ", "seeds = 9000000000000000000 ");
  expect_refused(lockstep({"report", folder_ / "a"}), "seeds = 9000000000000000000 is out of range");
  expect_refused(study({"--resume"}), "seeds = 9000000000000000000 is out of range");
}

TEST_F(StoredFiles, AnotherVersionGoesOnAndEachRunSaysItsOwn) {
  ASSERT_EQ(study().code, 0);
  h5::File file = h5::File::modify(folder_ / "a/study.h5");
  file.set_attribute("version", "0.0.1");
  file.set_attribute("processor", "Old \x1b[31mProcessor");
  const h5::Group experiment = file.group("experiments/0");
  const std::string arm = experiment.children().at(0);
  const std::string gone = "experiments/0/" + arm + "/" + experiment.group(arm).children().at(0);
  const std::string own_version = file.group(gone).attribute<std::string>("version");
  file.remove(gone);
  for (const std::string& other : experiment.children()) {
    for (const std::string& seed : experiment.group(other).children()) {
      h5::Group run = file.group("experiments/0/" + other + "/" + seed);
      run.remove_attribute("version");  // as an older Lockstep wrote it
    }
  }
  file.commit();
  const Ended resumed = study({"--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.err, "the version was 0.0.1 and is " + own_version));
  EXPECT_TRUE(contains(resumed.err, "the processor was Old \\x1b[31mProcessor and is"));
  const h5::File after = h5::File::open(folder_ / "a/study.h5");
  EXPECT_EQ(after.group(gone).attribute<std::string>("version"), own_version);
  const std::string kept = after.group("experiments/0").children().back();
  const h5::Group runs = after.group("experiments/0/" + kept);
  EXPECT_EQ(runs.group(runs.children().at(0)).attribute<std::string>("version"), "0.0.1");
}

TEST_F(StoredFiles, ACheckpointIsCheckedBeforeItIsUsed) {
  ASSERT_EQ(train("t").code, 0);
  const std::string path = folder_ / "t/checkpoint.h5";
  for (const std::int64_t steps : {std::int64_t{-1}, std::int64_t{3}, std::int64_t{1} << 62}) {
    h5::File file = h5::File::modify(path);
    file.set_attribute("steps_done", steps);
    file.commit();
    expect_refused(train("t", {"--resume"}), fmt::format("steps_done is {}, expected 0 to steps = 2", steps));
    expect_refused(lockstep({"eval", path}), "steps_done is");
  }
}

TEST_F(StoredFiles, StudyFilesOfAnyText) {
  StudyConfig config =
      parse_study("question = \"a\\u007Fb\\u0001\"\n[[experiment]]\ntask = \"copy\"\n", "x.toml");
  EXPECT_EQ(config.question,
            "a\x7f"
            "b\x01");
  EXPECT_EQ(parse_study(to_toml(config), "again").question, config.question);
  std::string dots = "a";
  for (int i = 0; i < 50'000; ++i) dots += ".a";
  data::write_file(folder_ / "dots.toml", "name = \"x\"\n" + dots + " = 1\n");
  expect_refused(lockstep({"study", folder_ / "dots.toml"}), "dots.toml:2: 50000 dots in a line");
}

TEST_F(StoredFiles, NothingIsConvertedInSilence) {
  const std::string weights = folder_ / "w.safetensors", out = folder_ / "out.safetensors";
  data::save(weights, {{"linear.weight", zeros({2, 2}), {}}});
  for (const char* storage : {"combined", "separate"}) {
    expect_refused(lockstep({"convert", weights, out, "--to", storage}), "no attention found in these names");
    expect_refused(lockstep({"export", weights, out, "--storage", storage}),
                   "no attention found in these names");
  }
  EXPECT_FALSE(fs::exists(out));
  data::save(weights, {{"h.0.attn.query_key_value.weight", zeros({12, 4}), {}}});
  expect_refused(lockstep({"convert", weights, out, "--to", "separate"}), "interleaved by head: say --heads");
  const Ended told = lockstep({"convert", weights, out, "--to", "separate", "--heads", "2"});
  EXPECT_EQ(told.code, 0) << told.err;
  EXPECT_TRUE(contains(told.out, "attentions: 1 converted"));
  const Ended again = lockstep({"convert", out, out, "--to", "separate"});
  EXPECT_TRUE(contains(again.out, "attentions: 0 converted, 1 separate already"));
}

TEST_F(StoredFiles, WhatCannotGoAlongIsNamedAndTheRestGoes) {
  const std::string path = folder_ / "a.safetensors", out = folder_ / "a.h5";
  safetensors::Info foreign{"f4\x1b]0;title\x07", "F4", {2}};
  foreign.foreign_bytes = 1;
  safetensors::Writer writer(path, {{"good", "f8_e5m2", {4}}, foreign}, {{"made", "here"}});
  writer.write(std::vector<std::byte>(5));
  writer.commit();
  const Ended converted = lockstep({"convert", path, out});
  EXPECT_EQ(converted.code, 0) << converted.err;
  EXPECT_TRUE(contains(converted.err, "left out: f4\\x1b]0;title\\x07: HDF5 has no type for F4"));
  EXPECT_EQ(data::open_weights(out).at(0).type, "f8_e5m2");
  EXPECT_EQ(data::open_weight_file(out).metadata, (data::Metadata{{"made", "here"}}));
  const Ended inspected = lockstep({"inspect", path});
  EXPECT_TRUE(contains(inspected.out, "f4\\x1b]0;title\\x07"));
  EXPECT_EQ((inspected.out + inspected.err).find('\x1b'), std::string::npos);
  // Where the format takes it, it goes along.
  ASSERT_EQ(lockstep({"convert", path, folder_ / "b.safetensors"}).code, 0);
  EXPECT_EQ(safetensors::File(folder_ / "b.safetensors").entries().size(), 2u);
}

TEST_F(StoredFiles, AnExportNeverReplacesWhatItComesFrom) {
  ASSERT_EQ(train("t").code, 0);
  const std::string path = folder_ / "t/checkpoint.h5";
  const std::string before = data::read_file(path);
  fs::create_symlink(path, folder_ / "link.h5");
  for (const std::string& to : {path, folder_ / "link.h5", folder_ / "t/../t/checkpoint.h5"}) {
    expect_refused(lockstep({"export", path, to}), "are one file");
  }
  EXPECT_EQ(data::read_file(path), before);
}

TEST_F(StoredFiles, OneTrainingInAFolderAtATime) {
  fs::create_directory(folder_ / "t");
  const int descriptor = open((folder_ / "t").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(descriptor, LOCK_EX), 0);
  expect_refused(train("t"), "another lockstep is at work in this folder");
  close(descriptor);
  EXPECT_EQ(train("t").code, 0);
}

// Killed between naming its first file and putting it in place, a study has nothing but that.
TEST_F(StoredFiles, AStudyKilledAtItsFirstRenameResumes) {
  fs::create_directory(folder_ / "a");
  std::ofstream(folder_ / "a/.study.h5.4194305-0.tmp") << "half";  // beyond any process's number
  EXPECT_EQ(study({"--resume"}).code, 0);
  EXPECT_FALSE(fs::exists(folder_ / "a/.study.h5.4194305-0.tmp"));
}

TEST_F(StoredFiles, LeftoversGoWithEveryCommandThatWrites) {
  ASSERT_EQ(train("t").code, 0);
  ASSERT_EQ(study().code, 0);
  const auto leave = [&](const std::string& folder) {
    std::ofstream(folder_ / (folder + "/.x.4194305-0.tmp")) << "half";
  };
  const auto gone = [&](const std::string& folder) {
    return !fs::exists(folder_ / (folder + "/.x.4194305-0.tmp"));
  };
  const std::string checkpoint = folder_ / "t/checkpoint.h5";
  leave("t");
  EXPECT_EQ(train("t", {"--resume"}).code, 0);
  EXPECT_TRUE(gone("t"));
  leave("t");
  EXPECT_EQ(lockstep({"convert", checkpoint, folder_ / "t/other.h5", "--to", "separate"}).code, 0);
  EXPECT_TRUE(gone("t"));
  leave("t");
  EXPECT_EQ(lockstep({"export", checkpoint, folder_ / "t/w.safetensors"}).code, 0);
  EXPECT_TRUE(gone("t"));
  leave("a");
  EXPECT_EQ(lockstep({"report", folder_ / "a"}).code, 0);
  EXPECT_TRUE(gone("a"));
}

// CDPATH makes a shell's cd go elsewhere, where a setup.sh of somebody else's may stand.
TEST_F(StoredFiles, ScriptsGoToTheirOwnFolder) {
  fs::create_directories(folder_ / "trap/train");
  data::write_file(folder_ / "trap/train/setup.sh", "echo TRAPPED; exit 7\n");
  fs::create_directories(folder_ / "trap/tests");
  for (const char* script : {"train/run.sh", "tests/run.sh"}) {
    const std::string text = data::read_file(script);
    const std::string first = text.substr(0, text.find(". train/setup.sh"));
    data::write_file(folder_ / "first.sh", first + "echo at $PWD\n");
    fs::create_directories(folder_ / "own/train");
    fs::create_directories(folder_ / "own/tests");
    data::write_file(folder_ / ("own/" + std::string(script)), first + "echo at $PWD\n");
    const Ended ended =
        shell(fmt::format("cd {} && CDPATH={} sh {}", folder_ / "own", folder_ / "trap", script));
    EXPECT_EQ(ended.out, fmt::format("at {}\n", folder_ / "own")) << ended.err;
  }
}

TEST(StoredInputs, TheFuzzersCorporaAreReadOrRefused) {
  int files = 0, accepted = 0;
  for (const auto& file : fs::directory_iterator("tests/fuzz/corpus/toml")) {
    accepted += try_study(data::read_file(file.path()));
    ++files;
  }
  EXPECT_GE(files, 10);
  EXPECT_GE(accepted, 3);
  files = accepted = 0;
  for (const auto& file : fs::directory_iterator("tests/fuzz/corpus/checkpoint")) {
    const std::string bytes = data::read_file(file.path());
    accepted += try_checkpoint(std::as_bytes(std::span(bytes)));
    ++files;
  }
  EXPECT_GE(files, 3);
  EXPECT_GE(accepted, 1);
}

TEST(Printable, WritesControlCharactersOut) {
  EXPECT_EQ(printable("a\tb\nc"), "a\tb\nc");
  EXPECT_EQ(printable("\x1b[31m\x07\x7f\r"), "\\x1b[31m\\x07\\x7f\\x0d");
  EXPECT_EQ(printable("Zürich \xc2\x9b 東京"), "Zürich \\x9b 東京");
}

}  // namespace
}  // namespace lockstep::train
