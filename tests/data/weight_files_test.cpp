// Files of weights as files: shards, and values that are no numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "data/files/atomic_file.h"
#include "data/weights/weights.h"
#include "tests/data/small_models.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

TEST(Shards, HoldNoMoreThanAskedForAndAreReadByTheirIndex) {
  TempFolder folder;
  const std::string index = folder / "model.safetensors.index.json";
  const ParameterList model{whole("a", full({4}, 1)), whole("b", full({100}, 2)), whole("c", full({3}, 3)),
                            whole("d", full({1}, 4))};
  data::save(index, model, {{"format", "pt"}}, "", 16);
  Strings shards;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    shards.push_back(entry.path().filename());
  std::ranges::sort(shards);
  EXPECT_EQ(shards, (Strings{"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                             "model-00003-of-00003.safetensors", "model.safetensors.index.json"}));
  EXPECT_TRUE(contains(data::read_file(index), "\"total_size\": 432"));
  EXPECT_EQ(data::open_weights(folder / "model-00003-of-00003.safetensors").size(), 2u);
  const data::Weights weights = data::open_weight_file(index);
  EXPECT_EQ(weights.metadata, (data::Metadata{{"format", "pt"}}));
  ParameterList other{whole("d", zeros({1})), whole("b", zeros({100})), whole("a", zeros({4})),
                      whole("c", zeros({3}))};
  data::load(index, other);
  EXPECT_EQ(other[0].tensor.item(), 4);
  EXPECT_EQ(other[1].tensor.to_vector(), std::vector<double>(100, 2));
}

TEST(NotFinite, TensorsAreLoadedAndNamed) {
  TempFolder folder;
  const float inf = INFINITY;
  const std::string path = folder / "a.safetensors";
  data::save(path, {whole("nan", from_values<float>({3}, {0, NAN, NAN})), whole("inf", full({2}, inf)),
                    whole("good", full({2}, 1)), whole("unused", full({2}, NAN))});
  ParameterList model{whole("good", zeros({2})), whole("inf", zeros({2})), whole("nan", zeros({3}))};
  const data::LoadReport report = data::load(path, model, {.allow_unexpected = true});
  EXPECT_EQ(report.not_finite, (Strings{"inf", "nan"}));
  EXPECT_TRUE(contains(report.text(), "NaN or infinite values: nan"));
  EXPECT_TRUE(std::isnan(model[2].tensor.to_vector()[1]));
}

}  // namespace
}  // namespace lockstep
