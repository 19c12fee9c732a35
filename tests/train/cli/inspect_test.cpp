#include "train/cli/inspect.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/weights/weights.h"
#include "tests/data/temp_folder.h"
#include "train/config/recipe.h"
#include "train/training/checkpoint.h"

namespace lockstep::train {
namespace {

TEST(Inspect, StatisticsAreOfTheFiniteValues) {
  const double infinite = std::numeric_limits<double>::infinity();
  const Statistics s = statistics_of({3, infinite, -1, std::nan(""), 1});
  EXPECT_EQ(s.non_finite, 2);
  EXPECT_EQ(s.min, -1);
  EXPECT_EQ(s.max, 3);
  EXPECT_EQ(s.mean, 1);
  EXPECT_DOUBLE_EQ(s.norm, std::sqrt(11.0));
  EXPECT_DOUBLE_EQ(s.std, std::sqrt(8.0 / 3));
  // Far from zero, the deviations are not lost.
  EXPECT_NEAR(statistics_of({1e9, 1e9 + 1}).std, 0.5, 1e-6);
  EXPECT_EQ(statistics_of({infinite}).max, 0);
}

TEST(Inspect, ShowsTensorsPartsAndNumbers) {
  TempFolder folder;
  for (const char* ending : {".safetensors", ".h5"}) {
    const std::string path = folder / (std::string("a") + ending);
    data::save(path, {{"attn.qkv.weight", full({6, 2}, 0.5), {}}, {"steps", arange(3), {}}},
               {{"made", "here"}});
    const std::string text = to_text(inspect(path));
    EXPECT_TRUE(contains(text, ": weights\nmade               here\n"));
    EXPECT_TRUE(
        contains(text,
                 "attn.qkv.weight  (6, 2)  f32   0.5  0.5  0.5   0       1.732  0           q.weight[0:2] "
                 "k.weight[2:4] v.weight[4:6]\n"));
    EXPECT_TRUE(contains(text, "steps            (3,)    i64   0    2    1     0.8165"));
    const auto json = nlohmann::json::parse(to_json(inspect(path)));
    const auto& tensors = json["tensors"];
    const auto qkv =
        std::ranges::find_if(tensors, [](const auto& t) { return t["name"] == "attn.qkv.weight"; });
    EXPECT_EQ((*qkv)["parts"][1]["begin"], 2);
    EXPECT_EQ((*qkv)["statistics"]["mean"], 0.5);
  }
}

TEST(Inspect, ShowsWhatACheckpointHolds) {
  TempFolder folder;
  RunConfig config = defaults_for("copy");
  config.width = config.mlp = 8;
  Training training(config);
  save_checkpoint(folder / "a.h5", training, {});
  const Inspection inspection = inspect(folder / "a.h5");
  EXPECT_EQ(inspection.kind, "checkpoint");
  const std::string text = to_text(inspection);
  EXPECT_TRUE(contains(text, "steps_done         0"));
  EXPECT_TRUE(contains(text, "weights/blocks.1.attn.qkv.weight"));
  EXPECT_TRUE(contains(text, "optimizer/exp_avg/blocks.1.attn.qkv.weight"));
  EXPECT_TRUE(contains(text, "4 heads each"));
}

// A tensor that is none here does not hide the others.
TEST(Inspect, ShowsWhatHasMoreDimensionsThanATensor) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors",
                    header = R"({"deep":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]},)"
                             R"("flat":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  const std::uint64_t size = header.size();
  const std::array<float, 2> values = {1, 7};
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&size), sizeof(size)) << header;
  file.write(reinterpret_cast<const char*>(values.data()), sizeof(values));
  file.close();
  const std::string text = to_text(inspect(path));
  EXPECT_TRUE(contains(text, "it has 9 dimensions, and tensors here at most 8")) << text;
  EXPECT_TRUE(contains(text, "flat  (1,)                         f32   7    7    7")) << text;
}

TEST(Inspect, NamesFilesThatItCannotRead) {
  TempFolder folder;
  EXPECT_TRUE(contains(error_of([&] { inspect(folder / "none.h5"); }), "none.h5"));
  EXPECT_TRUE(contains(error_of([&] { inspect(folder / "a.pt"); }), "ends in .safetensors or .h5"));
}

}  // namespace
}  // namespace lockstep::train
