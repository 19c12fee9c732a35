#include "nn/scope.h"

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/ops.h"
#include "data/weights/weights.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

std::vector<std::string> names(const ParameterList& parameters) {
  std::vector<std::string> found;
  for (const Parameter& p : parameters) found.push_back(p.name);
  return found;
}

TEST(Scope, NamesParametersByPathInOrderOfCreation) {
  const Scope root(Seed{0});
  const Scope block = root / "blocks" / 0;
  block.parameter("weight", {2, 3}, init::Normal{});
  root.parameter("scale", {}, init::Constant{1});
  block.buffer("mask", ones({2}));
  EXPECT_EQ(names(root.parameters()),
            (std::vector<std::string>{"blocks.0.weight", "scale", "blocks.0.mask"}));
  EXPECT_EQ(names(block.parameters()), (std::vector<std::string>{"blocks.0.weight", "blocks.0.mask"}));
  EXPECT_TRUE(root.parameters()[0].tensor.requires_grad());
  EXPECT_FALSE(root.parameters()[2].trainable);
  EXPECT_EQ((root / "attn" / "qkv").sibling("q"), "attn.q");
  EXPECT_THROW(root.parameter("scale", {}, init::Constant{1}), Error);
}

TEST(Scope, ACopyByValuesHasWeightsOfItsOwn) {
  struct Layer {
    explicit Layer(const Scope& scope) : weight(scope.parameter("weight", {2, 3}, init::Normal{})) {}
    Tensor weight;
  };
  const Scope root(Seed{0}), other(Seed{1}, {.values = values_of(root.parameters())});
  const Layer layer(root), shares = layer;
  const Scope again(Seed{1}, {.values = values_of(root.parameters())});
  const Layer copy(again), drawn(other);  // other was made before there were values
  const std::vector<double> before = layer.weight.to_vector();
  EXPECT_EQ(copy.weight.to_vector(), before);
  EXPECT_NE(drawn.weight.to_vector(), before);
  {
    const NoGrad no_grad;
    fill_(layer.weight, 7);
  }
  EXPECT_EQ(shares.weight.to_vector(), std::vector<double>(6, 7));
  EXPECT_EQ(copy.weight.to_vector(), before);
  const Scope wide(Seed{1}, {.values = values_of(root.parameters())});
  EXPECT_THROW(wide.parameter("weight", {3, 3}, init::Normal{}), Error);
}

TEST(Scope, KeyedNumbersDependOnSeedAndNameAlone) {
  const Scope alone(Seed{3}), crowded(Seed{3}), other(Seed{4});
  crowded.parameter("first", {7}, init::Normal{});
  const auto x = alone.parameter("w", {4, 4}, init::Normal{}).to_vector();
  EXPECT_EQ(crowded.parameter("w", {4, 4}, init::Normal{}).to_vector(), x);
  EXPECT_NE(other.parameter("w", {4, 4}, init::Normal{}).to_vector(), x);
}

// A study in f64 starts from the numbers of the one in f32, to rounding.
TEST(Scope, F32NumbersAreTheRoundedF64Ones) {
  const Tensor x = Scope(Seed{3}).parameter("w", {4, 4}, init::Normal{});
  const Tensor y = Scope(Seed{3}, {.dtype = DType::f64}).parameter("w", {4, 4}, init::Normal{});
  EXPECT_EQ(to(y.detach(), DType::f32).to_vector(), x.to_vector());
}

TEST(Scope, TakesValuesFromACheckpointInsteadOfDrawingThem) {
  const TempFolder folder;
  const Scope before(Seed{1});
  const auto values = before.parameter("w", {4, 4}, init::Normal{}).to_vector();
  data::save(folder / "model.safetensors", before.parameters());
  const auto stored = data::open_weights(folder / "model.safetensors");
  const Scope after(Seed{2}, {.values = [stored](const Parameter& p) {
                      data::load(stored, {p}, {.allow_unexpected = true});
                      return true;
                    }});
  EXPECT_EQ(after.parameter("w", {4, 4}, init::Normal{}).to_vector(), values);
  EXPECT_THROW(after.parameter("missing", {4}, init::Normal{}), Error);
}

TEST(Scope, PartsMustCoverTheRows) {
  const Scope root;
  EXPECT_THROW(root.parameter("w", {4, 2}, init::Normal{}, {{"q", 0, 2}, {"k", 3, 4}}), Error);
  EXPECT_THROW(root.parameter("v", {4, 2}, init::Normal{}, {{"q", 0, 2}}), Error);
  EXPECT_THROW(root.parameter("u", {4, 2}, init::Normal{}, {{"q", 0, 4, 3}}), Error);
}

}  // namespace
}  // namespace lockstep
