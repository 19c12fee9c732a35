#include "train/training/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"
#include "tests/train/training/same_content.h"
#include "tests/train/training/tiny_run.h"
#include "train/config/optimizer.h"

namespace lockstep::train {
namespace {

RunConfig small(const std::string& optimizer = "adamw", const std::string& attention = "combined") {
  RunConfig config = tiny_run();
  config.optimizer = optimizer;
  config.attention = attention;
  config.precision = "f64";
  config.dropout = 0.1;
  config.clip = 1;
  config.weight_decay = 0.1;
  config.lr = 0.02;
  return config;
}

std::vector<double> train(Training& training, int steps) {
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) losses.push_back(training.step());
  return losses;
}

RunConfig in_storage(RunConfig config, const std::string& attention) {
  config.attention = attention;
  return config;
}

// What lockstep convert does.
void convert(const std::string& from, const std::string& to, const std::string& attention) {
  const Checkpoint checkpoint(from);
  Training training(in_storage(checkpoint.config(), attention));
  checkpoint.restore(training);
  save_checkpoint(to, training, checkpoint.metrics());
}

TEST(Checkpoint, AResumedTrainingEndsWithTheSameBits) {
  TempFolder folder;
  for (const char* optimizer : {"adamw", "muon"}) {
    Metrics metrics;
    Training whole(small(optimizer)), first(small(optimizer)), second(small(optimizer));
    train(whole, 7);
    train(first, 3);
    save_checkpoint(folder / "half.h5", first, metrics);
    Checkpoint(folder / "half.h5").restore(second);
    EXPECT_EQ(second.steps_done(), 3);
    train(second, 4);
    save_checkpoint(folder / "whole.h5", whole, metrics);
    save_checkpoint(folder / "resumed.h5", second, metrics);
    EXPECT_TRUE(same_content(folder / "whole.h5", folder / "resumed.h5")) << optimizer;
  }
}

// Rules that act by element, by part or by head are the same in either storage.
TEST(Checkpoint, AConvertedTrainingGoesOnAsIfNothingHadHappened) {
  TempFolder folder;
  for (const char* optimizer : {"sgd", "adam", "adamw", "lamb", "muon"}) {
    for (const char* granularity : {"part", "head"}) {
      RunConfig config = small(optimizer);
      const std::vector<std::string> keys = optimizer_keys(optimizer);
      const auto has = [&](const char* key) { return std::ranges::find(keys, key) != keys.end(); };
      if (has("optimizer_direction")) config.optimizer_direction = granularity;
      if (has("optimizer_scale")) config.optimizer_scale = granularity;
      EXPECT_EQ(storage_dependence(config), "");
      for (const char* attention : {"combined", "separate"}) {
        const std::string other = attention == std::string("combined") ? "separate" : "combined";
        Training training(in_storage(config, attention)), converted(in_storage(config, other));
        train(training, 2);
        save_checkpoint(folder / "a.h5", training, {});
        convert(folder / "a.h5", folder / "b.h5", other);
        Checkpoint(folder / "b.h5").restore(converted);
        const std::vector<double> expected = train(training, 3), losses = train(converted, 3);
        for (std::size_t i = 0; i < losses.size(); ++i)
          EXPECT_NEAR(losses[i], expected[i], 1e-10)
              << optimizer << " by " << granularity << ", from " << attention;
      }
    }
  }
}

TEST(Checkpoint, ThereAndBackGivesTheSameBytes) {
  TempFolder folder;
  for (const char* optimizer : {"sgd", "adam", "lamb", "muon"}) {
    Training training(small(optimizer));
    Metrics metrics{
        .training_loss = train(training, 3), .validations = {{2, {2.5, 0.25}, 1.5}}, .seconds = 2};
    save_checkpoint(folder / "a.h5", training, metrics);
    convert(folder / "a.h5", folder / "b.h5", "separate");
    convert(folder / "b.h5", folder / "c.h5", "combined");
    EXPECT_TRUE(h5::File::open(folder / "b.h5").has_dataset("weights/blocks.0.attn.to_q.weight"));
    EXPECT_TRUE(same_content(folder / "a.h5", folder / "c.h5")) << optimizer;
    EXPECT_FALSE(same_content(folder / "a.h5", folder / "b.h5"));
  }
}

TEST(Checkpoint, SaysWhereTheStorageMatters) {
  RunConfig config = small("muon");
  config.optimizer_direction = "tensor";
  EXPECT_TRUE(contains(storage_dependence(config), "muon looks at whole stored tensors"));
  config = small("adam");
  config.optimizer_direction = config.optimizer_scale = "tensor";  // Adam looks at no tensor
  EXPECT_EQ(storage_dependence(config), "");
  config.clip_by = "tensor";
  EXPECT_TRUE(contains(storage_dependence(config), "clip_by = tensor"));
  config.clip = 0;
  EXPECT_EQ(storage_dependence(config), "");
}

TEST(Checkpoint, RefusesWhatIsNone) {
  TempFolder folder;
  const std::string path = folder / "a.h5";
  auto opening = [&] { return error_of([&] { Checkpoint(path).config(); }); };
  EXPECT_TRUE(contains(opening(), "a.h5"));
  data::write_file(path, "no HDF5 at all");
  EXPECT_TRUE(contains(opening(), "a.h5"));

  data::save(path, {{"x", zeros({2}), {}}});
  EXPECT_TRUE(contains(
      opening(), "is no checkpoint of this version of lockstep train: its attribute format is missing"));
  EXPECT_TRUE(contains(opening(), "lockstep train --weights"));

  Training training(small());
  save_checkpoint(path, training, {});
  const std::string whole = data::read_file(path);
  for (const double share : {0.0, 0.3, 0.9}) {
    data::write_file(path,
                     whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size()))));
    EXPECT_TRUE(contains(opening(), "a.h5")) << share;
  }

  data::write_file(path, whole);
  h5::File file = h5::File::modify(path);
  file.set_attribute("config", "task = \"copy\"\nwidht = 8\n");
  file.commit();
  EXPECT_TRUE(contains(opening(), "unknown key \"widht\": did you mean \"width\"?"));
  file.set_attribute("format", "lockstep study 1");
  file.commit();
  EXPECT_TRUE(contains(opening(), "its attribute format is \"lockstep study 1\""));
}

TEST(Checkpoint, RefusesWhatLacksAPart) {
  TempFolder folder;
  const std::string path = folder / "a.h5";
  Training training(small());
  train(training, 1);
  for (const char* part :
       {"weights/to_logits.bias", "optimizer/exp_avg/to_logits.bias", "optimizer/exp_avg_sq"}) {
    save_checkpoint(path, training, {});
    h5::File file = h5::File::modify(path);
    file.remove(part);
    file.commit();
    Training other(small());
    const std::vector<double> before = other.model().parameters()[0].tensor.to_vector();
    EXPECT_TRUE(contains(error_of([&] { Checkpoint(path).restore(other); }), "a.h5")) << part;
    EXPECT_EQ(other.model().parameters()[0].tensor.to_vector(), before);
    EXPECT_EQ(other.steps_done(), 0);
  }
}

}  // namespace
}  // namespace lockstep::train
