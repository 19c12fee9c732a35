#include "data/weights/weight_convert.h"

#include <gtest/gtest.h>

#include <set>

#include "core/ops/views.h"
#include "data/weights/weights.h"
#include "tests/data/state_dicts.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

using data::AttentionStorage;
using data::Weights;
using Names = std::set<std::string>;

// Everything that a file says of its tensors, and their bytes.
struct Facts {
  std::string type;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
  bool operator==(const Facts&) const = default;
};
std::map<std::string, Facts> facts(const Weights& weights) {
  std::map<std::string, Facts> all;
  for (const data::StoredTensor& t : weights.tensors) all[t.name] = {t.type, t.shape, t.bytes()};
  return all;
}

Names differing(const std::map<std::string, Facts>& a, const std::map<std::string, Facts>& b) {
  Names names;
  for (const auto* all : {&a, &b}) {
    for (const auto& [name, fact] : *all) {
      if (!a.contains(name) || !b.contains(name) || a.at(name) != b.at(name)) names.insert(name);
    }
  }
  return names;
}

void expect_same(const Weights& got, const Weights& expected, const std::string& what) {
  EXPECT_EQ(differing(facts(got), facts(expected)), Names{}) << what;
  EXPECT_EQ(got.metadata, expected.metadata) << what;
}

Names names(const Weights& weights) {
  Names names;
  for (const data::StoredTensor& tensor : weights.tensors) names.insert(tensor.name);
  return names;
}

// Through a file, as the program does it.
Weights through(const std::string& path, const Weights& weights) {
  data::save(path, weights);
  return data::open_weight_file(path);
}

// Which networks convert to which storage, and why the others don't. These are all there are in the fixture,
// so a network more is looked at by somebody.
const std::map<std::string, std::string> to_separate = {
    {"monai ViT", ""},
    {"monai ViT separate", ""},
    {"monai UNETR", ""},
    {"monai SwinUNETR", ""},
    {"monai DiffusionModelUNet", ""},
    {"monai ControlNet", ""},
    {"monai AutoencoderKL", ""},
    {"monai DecoderOnlyTransformer", ""},
    {"monai DecoderOnlyTransformer with cross attention", ""},
    {"monai DynUNet", "no attention found"},
    {"torch Transformer", ""},
    {"torch MultiheadAttention", ""},
    {"torch MultiheadAttention without bias", ""},
    {"torch MultiheadAttention of other widths", "no attention found"},
    {"GPT-2", ""},
    {"GPT-2 with cross attention", ""},
    {"Llama", ""},
    {"Llama with grouped queries", ""},
    {"Qwen2", ""},
    {"Phi-3", "no attention found"},
    {"GPT-NeoX", "say --heads"},
    {"BLOOM", "say --heads"},
    {"Falcon", "not three times"},
    {"OPT", ""},
    {"BERT", ""},
    {"BERT decoder", ""},
    {"DistilBERT", ""},
    {"T5", ""},
    {"BART", ""},
    {"Whisper", ""},
    {"ViT of Hugging Face", ""},
    {"CLIP", ""},
};

TEST(Convert, IntoItsOwnStorageIsTheIdentityAndThereAndBackRestoresEverything) {
  TempFolder folder;
  for (const auto& [network, weights] : public_networks()) {
    for (const AttentionStorage storage : {AttentionStorage::separate, AttentionStorage::combined}) {
      const bool separate = storage == AttentionStorage::separate;
      const std::string what = network + (separate ? ", separate" : ", combined");
      data::Converted there;
      const std::string error = error_of([&] { there = data::convert(weights, storage); });
      if (separate) {
        EXPECT_EQ(error.empty(), to_separate.at(network).empty()) << what << error;
        EXPECT_TRUE(contains(error, to_separate.at(network))) << what;
      }
      if (!error.empty()) continue;
      if (there.changed == 0) {
        expect_same(there.weights, weights, what);
        continue;
      }
      for (const char* file : {"a.safetensors", "a.h5"}) {
        const Weights stored = through(folder / file, there.weights);
        EXPECT_EQ(names(stored), names(there.weights)) << what;
        const AttentionStorage before = separate ? AttentionStorage::combined : AttentionStorage::separate;
        const data::Converted again = data::convert(stored, storage);
        expect_same(again.weights, stored, what + ", again");
        const data::Converted back = data::convert(stored, before);
        // Those in the other storage all along go with the others.
        if (there.already == 0)
          expect_same(through(folder / file, back.weights), weights, what + " and back");
      }
    }
  }
}

TEST(Convert, SavingAndLoadingAlwaysWorks) {
  TempFolder folder;
  for (const auto& [network, weights] : public_networks()) {
    for (const char* file : {"a.safetensors", "a.h5"}) {
      const Weights stored = through(folder / file, weights);
      expect_same(stored, weights, network);
      ParameterList model;
      for (const data::StoredTensor& tensor : stored.tensors) {
        const DType dtype = tensor.type == "i64" ? DType::i64 : DType::f32;
        model.push_back({tensor.name, zeros(Dims(tensor.shape), {dtype}), {}});
      }
      const data::LoadReport report = data::load(folder / file, model);
      EXPECT_EQ(report.mapped.size(), model.size()) << network;
      EXPECT_EQ(report.notes, std::vector<std::string>{}) << network;
      for (std::size_t i = 0; i < model.size(); ++i) {
        EXPECT_EQ(data::stored(model[i]).bytes(), stored.tensors[i].bytes()) << network << model[i].name;
      }
    }
  }
}

// A network's tensors of one attention, in given types.
Weights attention_of(
    const std::vector<std::tuple<std::string, std::string, std::vector<std::int64_t>>>& tensors) {
  Weights weights;
  for (const auto& [name, type, shape] : tensors) {
    weights.tensors.push_back(counting_tensor(name, type, shape, 100 * weights.tensors.size()));
  }
  data::give_parts(weights.tensors);
  return weights;
}

std::string refusal(const Weights& weights, AttentionStorage storage) {
  return error_of([&] { data::convert(weights, storage); });
}

TEST(Convert, TypesAndMetadataStayAsTheyWere) {
  TempFolder folder;
  for (const char* type : {"bool", "i8", "u8", "i16", "f16", "bf16", "i32", "u32", "f32", "i64", "u64", "f64",
                           "c64", "f8_e4m3", "f8_e5m2", "f8_e8m0"}) {
    Weights weights =
        attention_of({{"a.qkv.weight", type, {12, 4}}, {"a.qkv.bias", type, {12}}, {"other", type, {3}}});
    weights.metadata = {{"made", "here"}};
    for (const char* file : {"a.safetensors", "a.h5"}) {
      if (std::string(type) == "f8_e8m0" && file[2] == 'h') continue;  // has no exponent bits to name in HDF5
      const Weights stored = through(folder / file, weights);
      expect_same(stored, weights, type);
      const Weights there = through(folder / file, data::convert(stored, AttentionStorage::separate).weights);
      EXPECT_EQ(facts(there).at("a.to_v.weight").type, type);
      expect_same(data::convert(there, AttentionStorage::combined).weights, weights, type);
    }
  }
}

TEST(Convert, ALayoutIsConvertedByWhereItsNumbersAre) {
  const auto values = [](const Weights& weights, const std::string& name) {
    for (const auto& t : weights.tensors) {
      if (t.name == name) return t.read(DType::i64).to_vector();
    }
    return std::vector<double>();
  };
  const auto numbers = [](const std::string& name, const std::vector<std::int64_t>& shape) {
    const Tensor x = reshape(arange(Dims(shape).numel()), Dims(shape));
    Weights weights{{data::stored(Parameter{name, x, {}})}};
    data::give_parts(weights.tensors);
    return weights;
  };
  using Values = std::vector<double>;
  // GPT-2: (in, 3 out), so k is columns 2 and 3 of each row.
  Weights separate = data::convert(numbers("h.c_attn.weight", {2, 6}), AttentionStorage::separate).weights;
  EXPECT_EQ(values(separate, "h.to_k.weight"), (Values{2, 8, 3, 9}));
  // BLOOM: q, k, v of the first head, then of the second.
  separate =
      data::convert(numbers("h.query_key_value.weight", {6, 2}), AttentionStorage::separate, {.heads = 2})
          .weights;
  EXPECT_EQ(values(separate, "h.to_q.weight"), (Values{0, 1, 6, 7}));
  EXPECT_EQ(values(separate, "h.to_v.weight"), (Values{4, 5, 10, 11}));
  Weights back = data::convert(separate, AttentionStorage::combined).weights;
  EXPECT_EQ(values(back, "h.query_key_value.weight"),
            values(numbers("h.query_key_value.weight", {6, 2}), "h.query_key_value.weight"));
  // Llama: fewer rows of k and v.
  Weights llama = attention_of({{"a.q_proj.weight", "f32", {4, 4}},
                                {"a.k_proj.weight", "f32", {2, 4}},
                                {"a.v_proj.weight", "f32", {2, 4}}});
  const Weights combined = data::convert(llama, AttentionStorage::combined).weights;
  EXPECT_EQ(facts(combined).at("a.qkv.weight").shape, (std::vector<std::int64_t>{8, 4}));
  TempFolder folder;
  expect_same(data::convert(through(folder / "a.safetensors", combined), AttentionStorage::separate).weights,
              llama, "grouped queries");
}

TEST(Convert, AllOrNothing) {
  const Weights without_k_bias = attention_of({{"a.to_q.weight", "f32", {4, 4}},
                                               {"a.to_q.bias", "f32", {4}},
                                               {"a.to_k.weight", "f32", {4, 4}},
                                               {"a.to_v.weight", "f32", {4, 4}},
                                               {"a.to_v.bias", "f32", {4}}});
  EXPECT_TRUE(contains(refusal(without_k_bias, AttentionStorage::combined), "a.to_k.weight has no bias"));
  EXPECT_EQ(refusal(without_k_bias, AttentionStorage::separate), "");  // as they are
  const Weights two_types = attention_of(
      {{"a.to_q.weight", "f32", {4, 4}}, {"a.to_k.weight", "f16", {4, 4}}, {"a.to_v.weight", "f32", {4, 4}}});
  EXPECT_TRUE(
      contains(refusal(two_types, AttentionStorage::combined), "a.to_q.weight is f32, a.to_k.weight is f16"));
  // 32 + 8 + 8 rows for an output that takes 32, though 48 divides by three.
  const Weights grouped =
      attention_of({{"attn.qkv.weight", "f32", {48, 32}}, {"attn.out_proj.weight", "f32", {32, 32}}});
  EXPECT_TRUE(contains(refusal(grouped, AttentionStorage::separate),
                       "attn.qkv.weight has 48 rows, which is not three times 32"));
  const Weights linear = attention_of({{"qkv.weight", "f32", {6, 3}}});
  EXPECT_TRUE(contains(refusal(linear, AttentionStorage::separate), "no attention found in these names"));
  const Weights only_q = attention_of({{"a.to_q.weight", "f32", {4, 4}}});
  EXPECT_TRUE(contains(refusal(only_q, AttentionStorage::combined), "no attention found in these names"));
}

TEST(Convert, CrossAttentionsStayAsTheyAre) {
  for (const char* block :
       {"cross_attn.", "attn2.", "multihead_attn.", "encoder_attn.", "layer.0.crossattention.self."}) {
    const std::string self = std::string(block) == "multihead_attn." ? "self_attn." : "attn1.";
    Weights weights;
    for (const std::string& where : {self, std::string(block)}) {
      for (const char* letter : {"q", "k", "v"}) {
        weights.tensors.push_back(counting_tensor(where + "to_" + letter + ".weight", "f32", {4, 4}, 7));
      }
    }
    data::give_parts(weights.tensors);
    const data::Converted converted = data::convert(weights, AttentionStorage::combined);
    EXPECT_EQ(converted.changed, 1);
    EXPECT_EQ(converted.cross, 1);
    EXPECT_TRUE(names(converted.weights).contains(std::string(block) + "to_k.weight"));
    EXPECT_TRUE(names(converted.weights).contains(self + "qkv.weight"));
  }
}

}  // namespace
}  // namespace lockstep
