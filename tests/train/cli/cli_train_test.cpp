// lockstep train and what goes with its files, as a user meets them.
#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <thread>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "data/weights/weights.h"
#include "tests/data/temp_folder.h"
#include "tests/train/cli/cli.h"
#include "tests/train/training/same_content.h"

namespace lockstep::train {
namespace {

using Words = std::vector<std::string>;

// A model of a few hundred weights: some milliseconds a step.
Words small(const std::string& out, const Words& more = {}) {
  Words words = {"train", "--layers", "1",       "--width", "8",     "--heads", "2",
                 "--mlp", "8",        "--batch", "4",       "--out", out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// metrics.csv without its last column, the time.
std::string without_seconds(const std::string& path) {
  std::string text;
  for (const char c : data::read_file(path)) {
    if (c == '\n') text.erase(text.rfind(','));
    text += c;
  }
  return text;
}

void expect_same_files(const TempFolder& folder, const std::string& a, const std::string& b) {
  EXPECT_TRUE(same_content(folder / (a + "/checkpoint.h5"), folder / (b + "/checkpoint.h5")));
  EXPECT_TRUE(same_content(folder / (a + "/metrics.h5"), folder / (b + "/metrics.h5")));
  EXPECT_EQ(without_seconds(folder / (a + "/metrics.csv")), without_seconds(folder / (b + "/metrics.csv")));
}

template <typename Ready>
void wait_until(Ready ready) {
  for (int i = 0; i < 5000 && !ready(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(TrainProgram, StoppedAndResumedItEndsWithTheSameFiles) {
  TempFolder folder;
  const Words options = {"--steps", "400", "--every", "50"};
  EXPECT_EQ(lockstep(small(folder / "whole", options)).code, 0);

  Words command = small(folder / "parts", options);
  command.insert(command.begin(), "lockstep");
  Program program(command);
  wait_until([&] { return program.out().find("step") != std::string::npos; });
  program.signal(SIGINT);
  const Ended stopped = program.wait();
  ASSERT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "Stopped after step "));
  EXPECT_TRUE(contains(stopped.err, "go on with: lockstep train --layers 1"));
  EXPECT_TRUE(contains(stopped.err, "--resume"));
  // Resumed by the folder alone: the settings are the checkpoint's.
  const Ended resumed = lockstep({"train", "--resume", "--out", folder / "parts", "--every", "50"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(contains(resumed.out, "going on after step "));
  expect_same_files(folder, "whole", "parts");
}

// Whatever moment it is killed at, the checkpoint is whole, and the end is the same.
TEST(TrainProgram, KilledAndResumedItEndsWithTheSameFiles) {
  TempFolder folder;
  const Words options = {"--steps", "60", "--every", "1"};
  ASSERT_EQ(lockstep(small(folder / "whole", options)).code, 0);
  std::mt19937 random(1);
  Words command = small(folder / "killed", options);
  command.insert(command.begin(), "lockstep");
  command.push_back("--resume");
  int kills = 0;
  while (kills < 4) {
    Program program(command);
    // The second line says that the first one's checkpoint is there: it gets anywhere.
    wait_until([&] {
      const std::string out = program.out();
      return out.find("\nstep") != out.rfind("\nstep");
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    program.signal(SIGKILL);
    const int code = program.wait().code;
    if (code == 0) break;  // the machine was busy and the program was not: it had ended
    ASSERT_EQ(code, 128 + SIGKILL);
    ++kills;
  }
  ASSERT_GT(kills, 0);
  const Ended ended = Program(command).wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "going on after step "));
  expect_same_files(folder, "whole", "killed");
}

TEST(TrainProgram, AShortTrainingHasAShortWarmUp) {
  TempFolder folder;
  const Ended two = lockstep({"train", "--task", "digits", "--steps", "2", "--out", folder / "two"});
  EXPECT_EQ(two.code, 0) << two.err;
  const Ended asked =
      lockstep({"train", "--task", "digits", "--steps", "2", "--warmup", "5", "--out", folder / "asked"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_TRUE(contains(asked.err, "warmup"));
}

TEST(TrainProgram, NamesSettingsThatContradictTheCheckpoint) {
  TempFolder folder;
  const Words first = small(folder / "a", {"--steps", "4"});
  ASSERT_EQ(lockstep(first).code, 0);
  const Ended again = lockstep(first);
  EXPECT_EQ(again.code, 2);
  EXPECT_TRUE(contains(again.err, "exists: add --resume to go on, or choose another --out"));

  const Ended other =
      lockstep(small(folder / "a", {"--steps", "4", "--resume", "--lr", "0.5", "--optimizer", "sgd"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_TRUE(contains(other.err, "was trained with other settings (there, here): "));
  EXPECT_TRUE(contains(other.err, "lr: 0.001, 0.5"));
  EXPECT_TRUE(contains(other.err, "optimizer: "));
  EXPECT_FALSE(contains(other.err, "steps: "));
  EXPECT_TRUE(contains(lockstep(small(folder / "a", {"--task", "sort", "--resume"})).err, "task: "));

  // A constant schedule can go on for longer.
  const Ended longer = lockstep(small(folder / "a", {"--steps", "6", "--resume"}));
  EXPECT_EQ(longer.code, 0) << longer.err;
  EXPECT_EQ(lockstep(small(folder / "six", {"--steps", "6"})).code, 0);
  EXPECT_TRUE(contains(longer.out, "going on after step 4"));
  const h5::File metrics = h5::File::open(folder / "a/metrics.h5"),
                 six = h5::File::open(folder / "six/metrics.h5");
  EXPECT_EQ(metrics.read<double>("training_loss").values, six.read<double>("training_loss").values);

  const Words cosine = {"--steps", "4", "--schedule", "cosine"};
  ASSERT_EQ(lockstep(small(folder / "b", cosine)).code, 0);
  EXPECT_TRUE(contains(lockstep({"train", "--resume", "--out", folder / "b", "--steps", "6"}).err,
                       "only a constant one can be made longer"));
}

TEST(TrainProgram, ALossThatIsNoNumberKeepsTheLastCheckpoint) {
  TempFolder folder;
  const Words options = {"--steps", "300",  "--every", "1",          "--optimizer",
                         "sgd",     "--lr", "1e6",     "--momentum", "0"};
  const Ended ended = lockstep(small(folder / "a", options));
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "became"));
  EXPECT_TRUE(contains(ended.err, "holds the last good state"));
  const Ended eval = lockstep({"eval", folder / "a/checkpoint.h5"});
  EXPECT_EQ(lockstep({"eval", folder / "a"}).out, eval.out);
  EXPECT_EQ(eval.code, 0) << eval.err;
  EXPECT_FALSE(contains(eval.out, "nan"));
}

TEST(TrainProgram, AFullDiskKeepsTheLastCheckpoint) {
  TempFolder folder;
  ASSERT_EQ(lockstep(small(folder / "a", {"--steps", "2"})).code, 0);
  const std::string before = data::read_file(folder / "a/checkpoint.h5");
  const Ended ended = lockstep(small(folder / "a", {"--steps", "4", "--resume"}), {.file_bytes = 4096});
  EXPECT_NE(ended.code, 0);
  EXPECT_EQ(data::read_file(folder / "a/checkpoint.h5"), before);
  EXPECT_EQ(lockstep(small(folder / "a", {"--steps", "4", "--resume"})).code, 0);
}

TEST(TrainProgram, RefusesWhatIsNoCheckpoint) {
  TempFolder folder;
  const std::string path = folder / "checkpoint.h5";
  data::write_file(path, "nothing that HDF5 knows");
  for (const Words& command :
       {Words{"eval", path}, Words{"sample", path}, Words{"convert", path, path, "--to", "separate"},
        Words{"train", "--resume", "--out", folder.path().string()}, Words{"inspect", path}}) {
    const Ended ended = lockstep(command);
    EXPECT_EQ(ended.code, 2) << command[0];
    EXPECT_TRUE(contains(ended.err, "checkpoint.h5")) << command[0];
    EXPECT_EQ(ended.out, "");
  }
  EXPECT_EQ(data::read_file(path), "nothing that HDF5 knows");
  EXPECT_EQ(lockstep({"train", "--task", "kopy", "--out", folder / "new"}).code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

TEST(TrainProgram, WritesTextAtTheEndAndOnDemand) {
  TempFolder folder;
  const std::string checkpoint = folder / "a/checkpoint.h5";
  const Ended trained = lockstep(
      small(folder / "a", {"--task", "shakespeare", "--steps", "2", "--warmup", "0", "--every", "2"}));
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_TRUE(contains(trained.out, "A sample:"));
  const Ended text =
      lockstep({"sample", checkpoint, "--prompt", "ROMEO:", "--tokens", "40", "--top-k", "5", "--seed", "3"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out.size(), 6u + 40u + 1u);
  EXPECT_TRUE(text.out.starts_with("ROMEO:"));
  EXPECT_TRUE(
      contains(lockstep({"sample", checkpoint, "--prompt", "7"}).err, "'7' is not in the model's alphabet"));

  ASSERT_EQ(lockstep(small(folder / "b", {"--task", "sort", "--steps", "2", "--warmup", "0"})).code, 0);
  EXPECT_TRUE(contains(lockstep({"sample", folder / "b/checkpoint.h5"}).out, "answer"));
  const Ended none = lockstep({"sample", folder / "b/checkpoint.h5", "--prompt", "012"});
  EXPECT_EQ(none.code, 2);
  EXPECT_TRUE(contains(none.err, "was trained on sort, which is no text"));
}

std::vector<double> losses(const std::string& folder) {
  return h5::File::open(folder + "/metrics.h5").read<double>("training_loss").values;
}

TEST(TrainProgram, ConvertedInTheMiddleItGoesOn) {
  TempFolder folder;
  for (const char* optimizer : {"adamw", "muon"}) {
    const Words first = {"--steps", "5", "--optimizer", optimizer, "--seed", "1"};
    const std::string a = folder / (std::string("a-") + optimizer),
                      b = folder / (std::string("b-") + optimizer);
    ASSERT_EQ(lockstep(small(a, first)).code, 0);
    std::filesystem::create_directory(b);
    const Ended converted =
        lockstep({"convert", a + "/checkpoint.h5", b + "/checkpoint.h5", "--to", "separate"});
    ASSERT_EQ(converted.code, 0) << converted.err;
    EXPECT_TRUE(contains(converted.out, "Go on with: lockstep train --resume --out " + b));
    for (const std::string& out : {a, b})
      ASSERT_EQ(lockstep({"train", "--resume", "--out", out, "--steps", "12"}).code, 0);
    const std::vector<double> before = losses(a), after = losses(b);
    ASSERT_EQ(after.size(), 12u);
    for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(after[i], before[i], i < 5 ? 0 : 2e-5) << optimizer << i;
  }
}

TEST(TrainProgram, RefusesAConversionThatChangesTheRule) {
  TempFolder folder;
  const std::string a = folder / "a/checkpoint.h5", b = folder / "b.h5";
  ASSERT_EQ(lockstep(small(folder / "a",
                           {"--steps", "2", "--optimizer", "muon", "--optimizer-direction", "tensor"}))
                .code,
            0);
  const Ended refused = lockstep({"convert", a, b, "--to", "separate"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(contains(refused.err, "muon looks at whole stored tensors"));
  EXPECT_FALSE(std::filesystem::exists(b));
  EXPECT_EQ(lockstep({"convert", a, b, "--to", "separate", "--allow-inexact"}).code, 0);
  EXPECT_TRUE(
      contains(lockstep({"convert", a, folder / "b.safetensors", "--to", "separate"}).err, "ends in .h5"));
  EXPECT_TRUE(contains(lockstep({"convert", a, b}).err, "say --to combined or --to separate"));
}

TEST(TrainProgram, WeightsGoOutAndComeIn) {
  TempFolder folder;
  const std::string checkpoint = folder / "a/checkpoint.h5", weights = folder / "w.safetensors";
  ASSERT_EQ(lockstep(small(folder / "a", {"--steps", "3"})).code, 0);
  const Ended exported = lockstep({"export", checkpoint, weights, "--storage", "separate", "--dtype", "f64"});
  ASSERT_EQ(exported.code, 0) << exported.err;
  const Ended inspected = lockstep({"inspect", weights});
  EXPECT_TRUE(contains(inspected.out, "blocks.0.attn.to_q.weight"));
  EXPECT_TRUE(contains(inspected.out, "f64"));
  EXPECT_TRUE(contains(lockstep({"inspect", weights, "--against", checkpoint}).out,
                       "blocks.0.attn.to_q.weight -> blocks.0.attn.qkv.weight[0:8]"));

  // The same validation as the checkpoint's, from the first line on.
  Words start = small(folder / "b", {"--steps", "1", "--weights", weights});
  EXPECT_TRUE(contains(lockstep(start).err, "allow_rounding"));
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
  start.push_back("--allow-rounding");
  const Ended started = lockstep(start);
  EXPECT_EQ(started.code, 0) << started.err;
  EXPECT_TRUE(contains(started.out, "blocks.0.attn.to_k.weight -> blocks.0.attn.qkv.weight[8:16]"));
  const std::string eval = lockstep({"eval", checkpoint}).out;
  const std::string loss = eval.substr(eval.find("validation loss"), 22);
  EXPECT_TRUE(contains(started.out, "step      0  mean training loss      -  " + loss));

  ASSERT_EQ(lockstep({"export", checkpoint, folder / "u.safetensors", "--unused-norm"}).code, 0);
  EXPECT_TRUE(contains(lockstep({"inspect", folder / "u.safetensors"}).out, "blocks.0.norm_cross_attn.bias"));
  EXPECT_TRUE(contains(lockstep({"inspect", folder / "u.safetensors", "--against", checkpoint}).out,
                       "0 left out, 0 of another shape\n  note: blocks.0."));

  ASSERT_EQ(lockstep({"export", checkpoint, folder / "m.h5", "--module", "blocks.0.attn"}).code, 0);
  EXPECT_EQ(data::open_weights(folder / "m.h5")[0].name, "out_proj.weight");
  EXPECT_TRUE(contains(lockstep({"export", checkpoint, folder / "m.h5", "--module", "block.0"}).err,
                       "nothing below"));
  ASSERT_EQ(lockstep({"convert", folder / "m.h5", folder / "n.safetensors", "--to", "separate"}).code, 0);
  ASSERT_EQ(lockstep({"convert", folder / "n.safetensors", folder / "o.h5", "--to", "combined"}).code, 0);
  EXPECT_TRUE(contains(lockstep({"inspect", folder / "o.h5", "--against", folder / "m.h5"}).out,
                       "0 missing, 0 left out"));
  EXPECT_TRUE(contains(lockstep({"train", "--weights", folder / "m.h5", "--out", folder / "c"}).err,
                       "doesn't fit the model"));
  EXPECT_EQ(lockstep(small(folder / "c", {"--steps", "1", "--weights", folder / "m.h5", "--allow-missing",
                                          "--allow-unexpected"}))
                .code,
            0);
}

TEST(TrainProgram, SaysWhichWeightsItCannotStartFrom) {
  TempFolder folder;
  const std::string weights = folder / "w.safetensors";
  EXPECT_EQ(lockstep(small(folder / "a", {"--steps", "0", "--attention", "combined"})).code, 0);
  EXPECT_EQ(lockstep({"export", folder / "a/checkpoint.h5", weights}).code, 0);
  std::string bytes = data::read_file(weights);
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\xff");  // a NaN in the last tensor
  data::write_file(weights, bytes);
  const Ended ended = lockstep(small(folder / "b", {"--weights", weights, "--attention", "separate"}));
  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "w.safetensors: NaN or infinite values in to_logits.bias:")) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "b"));
}

}  // namespace
}  // namespace lockstep::train
