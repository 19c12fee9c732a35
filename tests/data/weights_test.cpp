#include "data/weights/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/ops/views.h"
#include "data/files/atomic_file.h"
#include "data/files/safetensors.h"
#include "tests/data/small_models.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

std::vector<double> counted(int first, int count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

class BothFormats : public testing::TestWithParam<const char*> {
 protected:
  std::string path() const { return folder_ / (std::string("model") + GetParam()); }
  TempFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Weights, BothFormats, testing::Values(".safetensors", ".h5"),
                         [](const auto& test) { return test.param[1] == 's' ? "safetensors" : "hdf5"; });

TEST_P(BothFormats, ReadBackWhatWasWritten) {
  for (DType dtype : {DType::f32, DType::f64}) {
    ParameterList model = combined_model(1, dtype), other = combined_model(-500, dtype);
    model.push_back(whole("scale", full({}, 0.1, {dtype})));
    other.push_back(whole("scale", full({}, 0, {dtype})));
    model.push_back(whole("steps", arange(3)));
    other.push_back(whole("steps", zeros({3}, {DType::i64})));
    data::save(path(), model);
    const std::uint32_t version = other[0].tensor.version();
    const data::LoadReport report = data::load(path(), other);
    EXPECT_EQ(all_values(other), all_values(model));
    EXPECT_GT(other[0].tensor.version(), version);  // a saved tensor would be noticed
    EXPECT_EQ(report.mapped.size(), 4u);
    EXPECT_EQ(report.text(), "4 tensors loaded, 0 missing, 0 left out, 0 of another shape\n");
  }
}

TEST_P(BothFormats, ConvertBetweenStoragesWhileLoading) {
  data::save(path(), combined_model(1));
  ParameterList separate = separate_model(-500);
  const data::LoadReport report = data::load(path(), separate);
  EXPECT_EQ(all_values(separate), all_values(separate_model(1)));
  EXPECT_EQ(report.mapped[1],
            (std::pair<std::string, std::string>("attn.qkv.weight[0:4]", "attn.to_q.weight")));
  EXPECT_TRUE(contains(report.text(), "attn.qkv.weight[4:8] -> attn.to_k.weight"));

  data::save(path(), separate);
  ParameterList combined = combined_model(-500);
  data::load(path(), combined);
  EXPECT_EQ(all_values(combined), all_values(combined_model(1)));
}

TEST_P(BothFormats, KeepPartsThatNamesDoNotTell) {
  const ParameterList model{
      {"mlp.linear1.weight", numbered({6, 2}, 1), {{"mlp.value", 0, 4}, {"mlp.gate", 4, 6}}}};
  data::save(path(), model);
  const std::vector<data::StoredTensor> stored = data::open_weights(path());
  ASSERT_EQ(stored.at(0).parts.size(), 2u);
  EXPECT_EQ(stored[0].parts[1].name, "mlp.gate");
  ParameterList gate{whole("mlp.gate", zeros({2, 2}))};
  data::load(stored, gate, {.allow_unexpected = true});
  EXPECT_EQ(gate[0].tensor.to_vector(), counted(9, 4));
}

TEST_P(BothFormats, ConvertFiles) {
  data::save(path(), combined_model(1));
  const auto convert = [&](data::AttentionStorage storage) {
    return data::convert(data::open_weight_file(path()), storage).weights;
  };
  const data::Weights separate = convert(data::AttentionStorage::separate);
  EXPECT_EQ(names_of(separate.tensors), names_of(separate_model(1)));
  EXPECT_EQ(separate.tensors[1].parts.at(0).heads, 2);
  data::save(path(), separate);
  ParameterList model = separate_model(-500);
  data::load(path(), model);
  EXPECT_EQ(all_values(model), all_values(separate_model(1)));
  const data::Weights combined = convert(data::AttentionStorage::combined);
  EXPECT_EQ(names_of(combined.tensors), names_of(combined_model(1)));
  EXPECT_EQ(combined.tensors[1].parts.at(2).heads, 2);
}

// A checkpoint holds more than parameters; whatever is shaped like them converts in the same way.
TEST(Weights, AnOptimizersStateConvertsLikeTheParameters) {
  TempFolder folder;
  h5::File file = h5::File::create(folder / "checkpoint.h5");
  h5::Group parameters = file.create_group("parameters"), momentum = file.create_group("optimizer/momentum");
  data::write_weights(parameters, combined_model(1));
  data::write_weights(momentum, combined_model(1000));
  file.set_attribute("step", 100);
  file.commit();

  const h5::File read = h5::File::open(folder / "checkpoint.h5");
  ParameterList separate = separate_model(-1), separate_momentum = separate_model(-1);
  data::load(data::weights_in(read.group("parameters")), separate);
  data::load(data::weights_in(read.group("optimizer/momentum")), separate_momentum);
  EXPECT_EQ(all_values(separate), all_values(separate_model(1)));
  EXPECT_EQ(all_values(separate_momentum), all_values(separate_model(1000)));
}

TEST(Weights, RefuseWhatDoesNotFitAndChangeNothing) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  data::save(path, {whole("same", numbered({2}, 1)),
                    whole("extra", numbered({1}, 1)),
                    whole("shape", numbered({2, 3}, 1)),
                    {"attn.to_q.weight", numbered({2, 2}, 1), {{"attn.q.weight", 0, 2}}}});
  ParameterList model{whole("same", zeros({2})),
                      whole("shape", zeros({3, 2})),
                      whole("gone", zeros({1})),
                      {"attn.qkv.weight",
                       zeros({6, 2}),
                       {{"attn.q.weight", 0, 2}, {"attn.k.weight", 2, 4}, {"attn.v.weight", 4, 6}}}};
  const std::string error = error_of([&] { data::load(path, model); });
  EXPECT_TRUE(contains(error, "a.safetensors doesn't fit the model:"));
  EXPECT_TRUE(contains(error,
                       "missing in the file (allow_missing leaves these as they are):\n    gone\n"
                       "    attn.qkv.weight[2:4]\n    attn.qkv.weight[4:6]"));
  EXPECT_TRUE(contains(error, "not in the model (allow_unexpected leaves these out):\n    extra"));
  EXPECT_TRUE(contains(error, "of another shape:\n    shape is (2, 3) in the file, (3, 2) in the model"));
  EXPECT_EQ(all_values(model), std::vector<double>(2 + 6 + 1 + 12, 0.0));

  model.erase(model.begin() + 1);
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model, {.allow_missing = true}); }), "shape"));
  const data::LoadReport report = data::load(path, model, {.allow_missing = true, .allow_unexpected = true});
  EXPECT_EQ(report.missing, (Strings{"gone", "attn.qkv.weight[2:4]", "attn.qkv.weight[4:6]"}));
  EXPECT_EQ(report.unexpected, (Strings{"extra", "shape"}));
  EXPECT_EQ(model[0].tensor.to_vector(), counted(1, 2));
  EXPECT_EQ(model[2].tensor.to_vector(), (std::vector<double>{1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Weights, RoundOnlyWhereThatIsAllowed) {
  TempFolder folder;
  data::save(folder / "a.h5", {whole("x", full({2}, 0.1, {DType::f64}))});
  ParameterList model{whole("x", zeros({2}))};
  EXPECT_TRUE(contains(error_of([&] { data::load(folder / "a.h5", model, {.allow_missing = true}); }),
                       "x is f64 in the file, f32 in the model"));
  data::load(folder / "a.h5", model, {.allow_rounding = true});
  EXPECT_EQ(model[0].tensor.to_vector(), std::vector<double>(2, 0.1f));
  ParameterList integers{whole("x", zeros({2}, {DType::i64}))};
  EXPECT_TRUE(contains(error_of([&] { data::load(folder / "a.h5", integers, {.allow_rounding = true}); }),
                       "x is f64 in the file, i64 in the model"));
}

TEST(Weights, ReadHalvesExactly) {
  TempFolder folder;
  safetensors::Writer writer(folder / "a.safetensors", {{"b", "bf16", {2}}, {"h", "f16", {1}}});
  const std::uint16_t bits[] = {0x3f80, 0xc040, 0x3555};
  writer.write(std::as_bytes(std::span(bits)));
  writer.commit();
  ParameterList model{whole("b", zeros({2})), whole("h", zeros({1}, {DType::f64}))};
  data::load(folder / "a.safetensors", model);
  EXPECT_EQ(all_values(model), (std::vector<double>{1, -3, 1365.0 / 4096}));
}

TEST(Weights, WriteTheTypeThatIsAskedFor) {
  TempFolder folder;
  const ParameterList model{whole("x", full({2}, 1.0 / 3, {DType::f64})), whole("n", arange(2))};
  for (const auto& [type, file] : std::vector<std::pair<std::string, std::string>>{{"f16", "a.safetensors"},
                                                                                   {"bf16", "a.safetensors"},
                                                                                   {"f32", "a.safetensors"},
                                                                                   {"f64", "a.safetensors"},
                                                                                   {"f16", "a.h5"},
                                                                                   {"bf16", "a.h5"},
                                                                                   {"f32", "a.h5"}}) {
    data::save(folder / file, model, {}, type);
    const std::vector<data::StoredTensor> stored = data::open_weights(folder / file);
    const auto x = std::ranges::find(stored, "x", &data::StoredTensor::name);
    const auto n = std::ranges::find(stored, "n", &data::StoredTensor::name);
    EXPECT_EQ(x->type, type);
    EXPECT_EQ(n->type, "i64");
    const double step = type[0] == 'b' ? 0x1p-9 : type[1] == '1' ? 0x1p-12 : type[1] == '3' ? 0x1p-25 : 0;
    EXPECT_NEAR(x->read(DType::f64).to_vector()[1], 1.0 / 3, step);
    EXPECT_EQ(n->read(DType::i64).to_vector(), (std::vector<double>{0, 1}));
  }
  EXPECT_TRUE(contains(error_of([&] { data::save(folder / "a.h5", model, {}, "f8"); }),
                       "expected f32, f64, f16 or bf16"));
}

// A model of one's own, whatever its names are, loads what it saved.
TEST_P(BothFormats, NamesOfOnesOwnAreOnesOwn) {
  for (const Strings& own :
       {Strings{"norm1.weight", "norm2.weight", "norm3.weight"},
        Strings{"norm.weight", "to_q.weight", "to_k.weight", "to_v.weight", "proj_attn.weight"},
        Strings{"proj_attn.weight", "proj_attn.bias"}, Strings{"to_out.0.weight", "causal_mask"},
        Strings{"b.norm1.weight", "b.norm3.weight", "b.attn.qkv.weight", "b.mlp.linear1.weight",
                "b.mlp.linear2.weight"},
        Strings{"qkv.weight", "norm_cross_attn.weight"}, Strings{"a/b", "a/c.d"}}) {
    ParameterList model = filled(own, -1000);
    data::save(path(), filled(own, 0));
    const data::LoadReport report = data::load(path(), model);
    EXPECT_EQ(all_values(model), all_values(filled(own, 0))) << own[0];
    EXPECT_TRUE(report.notes.empty()) << own[0];
  }
}

TEST(Weights, SayWhatToDoAboutAPrefix) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  data::save(path, {whole("module.w", zeros({1})), whole("module.x", zeros({1}))});
  ParameterList model{whole("w", zeros({1})), whole("x", zeros({1}))};
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model); }), "--module module takes that off"));
}

TEST(Weights, ReadShardsByTheirIndex) {
  TempFolder folder;
  data::save(folder / "model-1.safetensors", {whole("a", full({2}, 3))});
  data::save(folder / "model-2.safetensors", {whole("b", full({2}, 5))});
  const auto index = [&](const std::string& map) {
    data::write_file(folder / "model.safetensors.index.json", R"({"weight_map": )" + map + "}");
    return folder / "model.safetensors.index.json";
  };
  ParameterList model{whole("a", zeros({2})), whole("b", zeros({2}))};
  data::load(index(R"({"a": "model-1.safetensors", "b": "model-2.safetensors"})"), model);
  EXPECT_EQ(all_values(model), (std::vector<double>{3, 3, 5, 5}));
  const auto refusal = [&](const std::string& map) {
    return error_of([&] { data::open_weights(index(map)); });
  };
  EXPECT_TRUE(contains(refusal(R"({"b": "model-1.safetensors"})"),
                       "b is said to be in model-1.safetensors, and is not"));
  EXPECT_TRUE(
      contains(refusal(R"({"b": "../model-2.safetensors"})"), "expected a .safetensors file beside it"));
  EXPECT_TRUE(contains(refusal("[]"), "expected JSON with a weight_map"));
}

TEST(Weights, RefuseAmbiguousAndDamagedFiles) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  ParameterList model = separate_model(0);
  data::save(path, {{"attn.qkv.weight", numbered({12, 4}, 1), {}},
                    {"attn.in_proj_weight", numbered({12, 4}, 1), {}}});
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model); }), "stand for attn.q.weight: remove one"));

  safetensors::Writer writer(path, {{"a", "f32", {0}}}, {{"lockstep.parts", R"({"a":[["b",0,5,1]]})"}});
  writer.commit();
  EXPECT_TRUE(
      contains(error_of([&] { data::open_weights(path); }), "parts in the file don't cover its 0 rows"));
  for (const char* parts : {"", "[]", "{", R"({"a":[]})", R"({"a":[[]]})", R"({"a":[["b",0,0,0]]})"}) {
    safetensors::Writer bad(path, {{"a", "f32", {0}}}, {{"lockstep.parts", parts}});
    bad.commit();
    EXPECT_NE(error_of([&] { data::open_weights(path); }), "") << parts;
  }
  EXPECT_TRUE(contains(error_of([&] { data::save(folder / "a.pt", model); }), "ends in .safetensors or .h5"));
  EXPECT_TRUE(contains(error_of([&] { data::load(folder / "none.safetensors", model); }), "No such file"));
  EXPECT_TRUE(contains(error_of([&] { data::save(folder / "a.h5", {whole("a//b", zeros({1}))}); }),
                       "takes no such name"));
}

}  // namespace
}  // namespace lockstep
