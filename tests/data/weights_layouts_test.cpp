// Weights in the layouts and under the names of other libraries.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/ops/views.h"
#include "data/weights/weights.h"
#include "tests/data/small_models.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

TEST(Weights, UnderstandOtherLayouts) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  data::save(path, {{"attn.in_proj_weight", numbered({12, 4}, 1), {}},
                    {"attn.out_proj.weight", numbered({4, 4}, 101), {}}});
  ParameterList separate = separate_model(-500);
  data::load(path, separate);
  EXPECT_EQ(all_values(separate), all_values(separate_model(1)));

  data::save(path, {{"attn.q_proj.weight", numbered({4, 4}, 1), {}},
                    {"attn.k_proj.weight", numbered({4, 4}, 17), {}},
                    {"attn.v_proj.weight", numbered({4, 4}, 33), {}},
                    {"attn.out_proj.weight", numbered({4, 4}, 101), {}}});
  ParameterList combined = combined_model(-500);
  data::load(path, combined);
  EXPECT_EQ(all_values(combined), all_values(combined_model(1)));

  // GPT-2's is transposed.
  data::save(path, {{"attn.c_attn.weight", contiguous(transpose(numbered({12, 4}, 1), 0, 1)), {}},
                    {"attn.out_proj.weight", numbered({4, 4}, 101), {}}});
  combined = combined_model(-500);
  const data::LoadReport report = data::load(path, combined);
  EXPECT_EQ(all_values(combined), all_values(combined_model(1)));
  EXPECT_TRUE(contains(report.text(), "attn.c_attn.weight -> attn.qkv.weight[0:4]"));
}

TEST(Weights, UnderstandGenerativeModelsByTheWholeSetOfNames) {
  TempFolder folder;
  const std::string path = folder / "old.safetensors";
  const Strings block{"b.norm1.weight", "b.attn.to_q.weight",   "b.attn.to_k.weight",  "b.attn.to_v.weight",
                      "b.norm3.weight", "b.mlp.linear1.weight", "b.mlp.linear2.weight"};
  const Strings cross{"b.norm2.weight", "b.cross_attn.to_q.weight"};
  Strings both = block;
  both.insert(both.end(), cross.begin(), cross.end());
  data::save(path, filled(both, 0));
  Strings today = both;
  std::ranges::replace(today, "b.norm2.weight", "b.norm_cross_attn.weight");
  std::ranges::replace(today, "b.norm3.weight", "b.norm2.weight");
  ParameterList model = filled(today, -1000);
  const data::LoadReport report = data::load(path, model);
  EXPECT_EQ(all_values(model), all_values(filled(today, 0)));
  EXPECT_TRUE(contains(report.text(), "b.norm3.weight -> b.norm2.weight"));
  EXPECT_EQ(report.notes.at(0),
            "b.: the TransformerBlock has the names of GenerativeModels (MONAI before 1.4)");

  // With anything else beside them, these are no old names.
  both.push_back("b.norm4.weight");
  data::save(path, filled(both, 0));
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model); }), "b.norm3.weight"));

  // The projection keeps its values: nothing is made up.
  const Strings spatial{"mid.norm.weight", "mid.to_q.weight",      "mid.to_k.weight",
                        "mid.to_v.weight", "mid.proj_attn.weight", "mid.proj_attn.bias"};
  data::save(path, filled(spatial, 0));
  ParameterList attention =
      filled({"mid.norm.weight", "mid.attn.to_q.weight", "mid.attn.to_k.weight", "mid.attn.to_v.weight",
              "mid.attn.out_proj.weight", "mid.attn.out_proj.bias"},
             -1000);
  const data::LoadReport of_attention = data::load(path, attention);
  EXPECT_EQ(all_values(attention), all_values(filled(spatial, 0)));
  EXPECT_TRUE(contains(of_attention.text(), "its proj_attn is taken for out_proj"));

  data::save(path,
             filled({"to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight", "to_out.0.bias"}, 0));
  ParameterList projected =
      filled({"to_q.weight", "to_k.weight", "to_v.weight", "out_proj.weight", "out_proj.bias"}, 1);
  data::load(path, projected);
  EXPECT_EQ(projected[3].tensor.to_vector()[0], 30);
}

TEST(Weights, NeverLoadBuffersThatFollowFromTheConfiguration) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  const auto with_mask = [](double value, std::int64_t length) {
    ParameterList model = separate_model(0);
    model.push_back(whole("attn.causal_mask", full({1, 1, length, length}, value)));
    model.back().derived = true;
    return model;
  };
  data::save(path, with_mask(1, 4));
  ParameterList without = separate_model(-500);
  EXPECT_TRUE(contains(data::load(path, without).text(), "note: attn.causal_mask is left out"));
  ParameterList longer = with_mask(5, 8);
  data::load(path, longer);
  EXPECT_EQ(longer.back().tensor.to_vector(), std::vector<double>(64, 5));
  data::save(path, without);
  EXPECT_TRUE(data::load(path, longer).missing.empty());
}

TEST(Weights, LeaveOutANormThatNothingUses) {
  TempFolder folder;
  const std::string path = folder / "a.safetensors";
  const Strings block{"b.norm1.weight", "b.norm2.weight", "b.attn.qkv.weight", "b.mlp.linear1.weight",
                      "b.mlp.linear2.weight"};
  Strings with = block;
  with.push_back("b.norm_cross_attn.weight");
  ParameterList model = filled(block, -1000), more = filled(with, -1000);
  data::save(path, filled(with, 0));
  EXPECT_TRUE(contains(data::load(path, model).text(), "note: b.norm_cross_attn.weight is left out"));
  data::save(path, filled(block, 0));
  EXPECT_TRUE(contains(data::load(path, more).text(), "note: b.norm_cross_attn.weight stays as it is"));
  with.push_back("b.cross_attn.to_q.weight");
  data::save(path, filled(with, 0));
  EXPECT_TRUE(contains(error_of([&] { data::load(path, model); }), "not in the model"));
  data::save(path, {whole("w", zeros({1})), whole("norm_cross_attn.weight", zeros({1}))});
  ParameterList own{whole("w", zeros({1}))};
  EXPECT_TRUE(contains(error_of([&] { data::load(path, own); }), "not in the model"));
}

}  // namespace
}  // namespace lockstep
