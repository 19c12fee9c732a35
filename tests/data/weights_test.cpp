#include "data/weights/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/files/atomic_file.h"
#include "data/files/safetensors.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

using Strings = std::vector<std::string>;

// Values from `first` on, so that every row of every tensor is another.
Tensor counting(const Dims& shape, double first, DType dtype = DType::f32) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), first);
  if (dtype == DType::f64) return from_values(shape, values);
  return from_values(shape, std::vector<float>(values.begin(), values.end()));
}

std::vector<double> counted(int first, int count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

Parameter whole(const std::string& name, Tensor tensor) {
  return {name, tensor, {{name, 0, tensor.rank() == 0 ? 1 : tensor.size(0)}}};
}

// A self-attention of width 4 with 2 heads in either storage; the weights of q start at `first`.
ParameterList combined_model(double first, DType dtype = DType::f32) {
  return {whole("attn.out_proj.weight", counting({4, 4}, first + 100, dtype)),
          {"attn.qkv.weight",
           counting({12, 4}, first, dtype),
           {{"attn.q.weight", 0, 4, 2}, {"attn.k.weight", 4, 8, 2}, {"attn.v.weight", 8, 12, 2}}}};
}

ParameterList separate_model(double first, DType dtype = DType::f32) {
  return {whole("attn.out_proj.weight", counting({4, 4}, first + 100, dtype)),
          {"attn.to_q.weight", counting({4, 4}, first, dtype), {{"attn.q.weight", 0, 4, 2}}},
          {"attn.to_k.weight", counting({4, 4}, first + 16, dtype), {{"attn.k.weight", 0, 4, 2}}},
          {"attn.to_v.weight", counting({4, 4}, first + 32, dtype), {{"attn.v.weight", 0, 4, 2}}}};
}

std::vector<double> all_values(const ParameterList& parameters) {
  std::vector<double> values;
  for (const Parameter& parameter : parameters) {
    for (double value : parameter.tensor.to_vector()) values.push_back(value);
  }
  return values;
}

Strings names(const ParameterList& parameters) {
  Strings names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  return names;
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
      {"mlp.linear1.weight", counting({6, 2}, 1), {{"mlp.value", 0, 4}, {"mlp.gate", 4, 6}}}};
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
  const ParameterList separate = data::convert(data::open_weights(path()), data::AttentionStorage::separate);
  EXPECT_EQ(names(separate), names(separate_model(1)));
  EXPECT_EQ(all_values(separate), all_values(separate_model(1)));
  EXPECT_EQ(separate[1].parts.at(0).heads, 2);
  data::save(path(), separate);
  const ParameterList combined = data::convert(data::open_weights(path()), data::AttentionStorage::combined);
  EXPECT_EQ(names(combined), names(combined_model(1)));
  EXPECT_EQ(all_values(combined), all_values(combined_model(1)));
  EXPECT_EQ(combined[1].parts.at(2).heads, 2);
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
  data::save(path, {whole("same", counting({2}, 1)),
                    whole("extra", counting({1}, 1)),
                    whole("shape", counting({2, 3}, 1)),
                    {"attn.to_q.weight", counting({2, 2}, 1), {{"attn.q.weight", 0, 2}}}});
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
  safetensors::Writer writer(folder / "a.safetensors",
                             {{"b", safetensors::Type::bf16, {2}}, {"h", safetensors::Type::f16, {1}}});
  const std::uint16_t bits[] = {0x3f80, 0xc040, 0x3555};
  writer.write(std::as_bytes(std::span(bits)));
  writer.commit();
  ParameterList model{whole("b", zeros({2})), whole("h", zeros({1}, {DType::f64}))};
  data::load(folder / "a.safetensors", model);
  EXPECT_EQ(all_values(model), (std::vector<double>{1, -3, 1365.0 / 4096}));
  const ParameterList widened =
      data::convert(data::open_weights(folder / "a.safetensors"), data::AttentionStorage::combined);
  EXPECT_EQ(widened[0].tensor.dtype(), DType::f32);
}

TEST(Weights, WriteTheTypeThatIsAskedFor) {
  TempFolder folder;
  const ParameterList model{whole("x", full({2}, 1.0 / 3, {DType::f64})), whole("n", arange(2))};
  for (const char* type : {"f16", "bf16", "f32", "f64"}) {
    data::save(folder / "a.safetensors", model, {}, type);
    const std::vector<data::StoredTensor> stored = data::open_weights(folder / "a.safetensors");
    const auto x = std::ranges::find(stored, "x", &data::StoredTensor::name);
    const auto n = std::ranges::find(stored, "n", &data::StoredTensor::name);
    EXPECT_EQ(x->type, type);
    EXPECT_EQ(n->type, "i64");
    const double step = type[0] == 'b' ? 0x1p-9 : type[1] == '1' ? 0x1p-12 : type[1] == '3' ? 0x1p-25 : 0;
    EXPECT_NEAR(x->read(DType::f64).to_vector()[1], 1.0 / 3, step);
    EXPECT_EQ(n->read(DType::i64).to_vector(), (std::vector<double>{0, 1}));
  }
  data::save(folder / "a.h5", model, {}, "f32");
  EXPECT_EQ(data::open_weights(folder / "a.h5")[0].type, "f32");
  EXPECT_TRUE(
      contains(error_of([&] { data::save(folder / "a.h5", model, {}, "f16"); }), "to .safetensors only"));
  EXPECT_TRUE(contains(error_of([&] { data::save(folder / "a.h5", model, {}, "f8"); }),
                       "expected f32, f64, f16 or bf16"));
}

TEST(Weights, UnderstandMultiheadAttentionAndCrossAttention) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  data::save(path, {{"attn.in_proj_weight", counting({12, 4}, 1), {}},
                    {"attn.in_proj_bias", counting({12}, 200), {}},
                    {"attn.to_out.0.weight", counting({4, 4}, 101), {}}});
  ParameterList separate = separate_model(-500);
  data::load(path, separate, {.allow_unexpected = true});  // the model has no bias
  EXPECT_EQ(all_values(separate), all_values(separate_model(1)));
  EXPECT_EQ(names(data::convert(data::open_weights(path), data::AttentionStorage::separate)),
            (Strings{"attn.to_q.weight", "attn.to_k.weight", "attn.to_v.weight", "attn.to_q.bias",
                     "attn.to_k.bias", "attn.to_v.bias", "attn.to_out.0.weight"}));

  // Keys and values of a cross attention come from elsewhere, so there is nothing to combine.
  const ParameterList cross{{"cross_attn.to_q.weight", counting({4, 4}, 1), {}},
                            {"cross_attn.to_k.weight", counting({4, 4}, 17), {}},
                            {"cross_attn.to_v.weight", counting({4, 4}, 33), {}}};
  data::save(path, cross);
  EXPECT_EQ(names(data::convert(data::open_weights(path), data::AttentionStorage::combined)), names(cross));
}

TEST(Weights, UnderstandGenerativeModels) {
  TempFolder folder;
  const std::string path = folder / "old.safetensors";
  // A TransformerBlock with cross attention, and an AttentionBlock.
  ParameterList old;
  for (const char* name : {"blocks.0.norm1", "blocks.0.norm2", "blocks.0.norm3", "mid.norm"}) {
    old.push_back({std::string(name) + ".weight", counting({2}, 10 * std::ssize(old)), {}});
  }
  for (const char* name : {"mid.to_q", "mid.to_k", "mid.to_v", "mid.proj_attn"}) {
    old.push_back({std::string(name) + ".weight", counting({2, 2}, 10 * std::ssize(old)), {}});
  }
  old.push_back({"mid.proj_attn.bias", counting({2}, 90), {}});
  data::save(path, old);

  ParameterList model;
  for (const char* name : {"blocks.0.norm1", "blocks.0.norm_cross_attn", "blocks.0.norm2", "mid.norm"}) {
    model.push_back(whole(std::string(name) + ".weight", full({2}, -1)));
  }
  model.push_back({"mid.attn.qkv.weight",
                   full({6, 2}, -1),
                   {{"mid.attn.q.weight", 0, 2}, {"mid.attn.k.weight", 2, 4}, {"mid.attn.v.weight", 4, 6}}});
  model.push_back(whole("mid.attn.out_proj.weight", full({2, 2}, -1)));
  model.push_back(whole("mid.attn.out_proj.bias", full({2}, -1)));
  const data::LoadReport report = data::load(path, model);
  EXPECT_EQ(all_values(model),
            (std::vector<double>{0,  1,  10, 11, 20, 21, 30, 31,  // norms, in the order of use
                                 40, 41, 42, 43, 50, 51, 52, 53, 60, 61, 62, 63,  // q, k, v
                                 1,  0,  0,  1,  0,  0}));  // proj_attn was never called
  EXPECT_TRUE(contains(report.text(), "blocks.0.norm3.weight -> blocks.0.norm2.weight"));  // as in the file
  EXPECT_EQ(report.notes.at(0),
            "mid.proj_attn.weight was never used by the model that wrote it: "
            "mid.attn.out_proj.weight is the identity");
}

TEST(Weights, NeverLoadBuffersThatFollowFromTheConfiguration) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  data::save(path, {whole("attn.causal_mask", ones({1, 1, 4, 4})), whole("w", counting({2}, 1))});
  EXPECT_EQ(data::open_weights(path).size(), 2u);
  ParameterList without{whole("w", zeros({2}))};
  EXPECT_TRUE(contains(data::load(path, without).text(), "note: attn.causal_mask is left out"));
  ParameterList longer{whole("w", zeros({2})), whole("attn.causal_mask", full({1, 1, 8, 8}, 5))};
  data::load(path, longer);
  EXPECT_EQ(longer[1].tensor.to_vector(), std::vector<double>(64, 5));
  data::save(path, without);
  EXPECT_TRUE(data::load(path, longer).missing.empty());
}

TEST(Weights, LeaveOutANormThatNothingUses) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  ParameterList stored{whole("b.norm2.weight", counting({2}, 1)),
                       whole("b.norm_cross_attn.weight", ones({2}))};
  ParameterList model{whole("b.norm2.weight", zeros({2}))};
  data::save(path, stored);
  EXPECT_TRUE(contains(data::load(path, model).text(), "note: b.norm_cross_attn.weight is left out"));
  stored.push_back(whole("b.cross_attn.to_q.weight", ones({2, 2})));
  data::save(path, stored);
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model); }), "not in the model"));
}

TEST(Weights, RefuseAmbiguousAndDamagedFiles) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  ParameterList model = separate_model(0);
  data::save(path, {{"attn.qkv.weight", counting({12, 4}, 1), {}},
                    {"attn.in_proj_weight", counting({12, 4}, 1), {}}});
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model); }), "stand for attn.q.weight: remove one"));

  safetensors::Writer writer(path, {{"a", safetensors::Type::f32, {0}}},
                             {{"lockstep.parts", R"({"a":[["b",0,5,1]]})"}});
  writer.commit();
  EXPECT_TRUE(
      contains(error_of([&] { data::open_weights(path); }), "parts in the file don't cover its 0 rows"));
  EXPECT_TRUE(contains(error_of([&] { data::save(folder / "a.pt", model); }), "ends in .safetensors or .h5"));
  EXPECT_TRUE(contains(error_of([&] { data::load(folder / "none.safetensors", model); }), "No such file"));
  EXPECT_TRUE(
      contains(error_of([&] { data::save(folder / "a.h5", {whole("a/b", zeros({1}))}); }), "use '.'"));
}

}  // namespace
}  // namespace lockstep
