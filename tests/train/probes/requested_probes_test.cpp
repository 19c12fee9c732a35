// The probes that are made on request, against formulas and against the copy task in PyTorch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/in_place.h"
#include "train/config/recipe.h"
#include "train/probes/attention_look.h"
#include "train/probes/loss_gradient.h"
#include "train/probes/matrices.h"
#include "train/probes/probe.h"

namespace lockstep::train {
namespace {

const std::vector<std::string> on_request = {"gradient_norm",     "stable_rank",   "head_circuits",
                                             "attention_entropy", "largest_logit", "head_scores"};

Measurements measured(const RunConfig& config, int steps) {
  Training training(config);
  ProbeSet set({.last_step = 0, .requested = on_request});
  for (int i = 0; i < steps; ++i) training.step(&set);
  return set.measured();
}

double first(const Measurements& all, const std::string& probe, const std::string& name) {
  const Series& series = all.at(probe).series;
  const auto column = std::ranges::find(series.names, name) - series.names.begin();
  EXPECT_LT(column, std::ssize(series.names)) << probe << " " << name;
  return series.values.at(static_cast<std::size_t>(column));
}

TEST(Matrices, TheLargestSingularValue) {
  // Of a diagonal, of a product of two vectors, and of nothing.
  EXPECT_NEAR(largest_singular_value({"", 3, 3, {1, 0, 0, 0, -4, 0, 0, 0, 2}}), 4, 1e-6);
  EXPECT_NEAR(largest_singular_value({"", 2, 3, {2, 4, 4, 1, 2, 2}}), std::sqrt(5.0) * 3, 1e-9);
  EXPECT_EQ(largest_singular_value({"", 2, 2, {0, 0, 0, 0}}), 0);
}

TEST(Matrices, ProductsAndBlocks) {
  const Matrix a{"a", 2, 2, {1, 2, 3, 4}}, b{"b", 2, 2, {5, 6, 7, 8}};
  EXPECT_EQ(product(transposed(a), b).values, (std::vector<double>{26, 30, 38, 44}));
  EXPECT_EQ(product(a, b).values, (std::vector<double>{19, 22, 43, 50}));
  EXPECT_EQ(row_block(a, 1, 1).values, (std::vector<double>{3, 4}));
  EXPECT_EQ(row_block(transposed(a), 1, 1).values, (std::vector<double>{2, 4}));
}

// PyTorch, 6 seeds, before the first step. One seed is given three times their standard deviation.
TEST(RequestedProbes, AgreeWithPyTorchBeforeTheFirstStep) {
  RunConfig config = defaults_for("copy");
  const Measurements all = measured(config, 1);
  EXPECT_NEAR(first(all, "gradient_norm", "blocks.0.attn.q"), 0.0060, 0.0020);
  EXPECT_NEAR(first(all, "gradient_norm", "blocks.0.attn.k"), 0.0062, 0.0020);
  EXPECT_NEAR(first(all, "gradient_norm", "blocks.0.attn.v"), 0.0310, 0.0060);
  EXPECT_NEAR(first(all, "stable_rank", "blocks.0.attn.q"), 16.5, 2.4);
  EXPECT_NEAR(first(all, "head_circuits", "blocks.1.attn QK"), 0.134, 0.02);
  EXPECT_NEAR(first(all, "attention_entropy", "blocks.1.attn"), 0.985, 0.01);
  EXPECT_NEAR(first(all, "head_scores", "blocks.1.attn half back"), 0.044, 0.01);
  EXPECT_GT(first(all, "largest_logit", "blocks.1.attn"), 0);
}

// PyTorch, 6 seeds, where the loss crosses 0.5, on average after 75.8 steps; between the looks before and
// after. One seed is given three times their standard deviation.
TEST(RequestedProbes, AgreeWithPyTorchAtTheCrossing) {
  const Measurements all = measured(defaults_for("copy"), 81);
  const auto at_crossing = [&](const std::string& probe, const std::string& name) {
    const Series& series = all.at(probe).series;
    const auto column =
        static_cast<std::size_t>(std::ranges::find(series.names, name) - series.names.begin());
    EXPECT_EQ(series.steps.at(7), 70);
    const auto look = [&](std::size_t i) { return series.values.at(i * series.names.size() + column); };
    return 0.42 * look(7) + 0.58 * look(8);
  };
  EXPECT_NEAR(at_crossing("gradient_norm", "blocks.0.attn.q"), 0.077, 0.06);
  EXPECT_NEAR(at_crossing("gradient_norm", "blocks.0.attn.v"), 0.081, 0.06);
  EXPECT_NEAR(at_crossing("stable_rank", "blocks.0.attn.q"), 10.5, 3.3);
  EXPECT_NEAR(at_crossing("head_circuits", "blocks.1.attn QK"), 0.355, 0.03);
  EXPECT_NEAR(at_crossing("attention_entropy", "blocks.1.attn"), 0.50, 0.09);
  EXPECT_NEAR(at_crossing("head_scores", "blocks.1.attn half back"), 0.57, 0.15);
}

// What bends and what scatters in the same setting.
TEST(RequestedProbes, SharpnessAndNoiseAgreeWithPyTorchBeforeTheFirstStep) {
  Training training(defaults_for("copy"));
  ProbeSet set({.last_step = 0, .requested = {"sharpness", "noise_scale"}});
  training.step(&set);
  const Measurements all = set.measured();
  EXPECT_NEAR(first(all, "sharpness", "all weights"), 1.14, 0.35);
  EXPECT_NEAR(first(all, "noise_scale", "all weights"), 58, 30);
}

// Against central differences of the gradient, in f64.
TEST(RequestedProbes, TheHessiansProductIsTheGradientsSlope) {
  RunConfig config = defaults_for("copy");
  config.precision = "f64";
  config.batch = 2;
  config.width = config.mlp = 8;
  config.heads = 2;
  Training training(config);
  const LossGradient at(training, 0);
  const std::vector<Tensor> v = at.gradient(), product = at.hessian_times(v);
  const auto shifted = [&](double by) {
    const NoGrad no_grad;
    for (std::size_t i = 0; i < v.size(); ++i) {
      Tensor weight = at.weights()[i].detach();  // of the same memory
      weight += v[i].detach() * by;
    }
  };
  constexpr double small = 1e-4;
  shifted(small);
  const std::vector<Tensor> above = LossGradient(training, 0).gradient();
  shifted(-2 * small);
  const std::vector<Tensor> below = LossGradient(training, 0).gradient();
  const double slope = (dot(above, v) - dot(below, v)) / (2 * small);
  EXPECT_NEAR(dot(product, v) / slope, 1, 1e-5);
}

TEST(RequestedProbes, SeeTheSameInBothStorages) {
  RunConfig combined = defaults_for("copy"), separate = combined;
  combined.precision = separate.precision = "f64";
  combined.batch = separate.batch = 4;
  separate.attention = "separate";
  const Measurements a = measured(combined, 12), b = measured(separate, 12);
  for (const std::string& probe : on_request) {
    const Series &x = a.at(probe).series, &y = b.at(probe).series;
    EXPECT_EQ(x.names, y.names) << probe;
    EXPECT_EQ(x.steps, (std::vector<std::int64_t>{0, 10})) << probe;
    for (std::size_t i = 0; i < x.values.size(); ++i) EXPECT_NEAR(x.values[i], y.values[i], 1e-7) << probe;
  }
}

// The training goes on as if nobody had looked.
TEST(RequestedProbes, ChangeNothing) {
  RunConfig config = defaults_for("copy");
  config.batch = 4;
  Training watched(config), alone(config);
  ProbeSet set({.requested = on_request});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(watched.step(&set), alone.step());
}

TEST(RequestedProbes, FitImagesAndUnmaskedAttention) {
  RunConfig config = defaults_for("digits");
  config.batch = 4;
  const Measurements all = measured(config, 1);
  EXPECT_TRUE(all.at("head_scores").series.values.empty());  // images have no tokens to go back to
  for (const double entropy : all.at("attention_entropy").series.values) EXPECT_NEAR(entropy, 1, 0.1);
}

// Tokens of the embedding differ; where all positions and tokens are embedded alike, nothing is left between
// them.
TEST(RequestedProbes, TokensThatAreAlikeHaveCollapsed) {
  RunConfig config = defaults_for("copy");
  config.layers = 1;
  const auto apart = [&](bool alike) {
    Training training(config);
    const NoGrad no_grad;
    for (const Parameter& parameter : training.model().parameters()) {
      const bool embedding = parameter.name.find("embedding") != std::string::npos;
      if (alike && embedding) fill_(parameter.tensor, 1);
    }
    ProbeSet set({.last_step = 0, .requested = {"rank_collapse"}});
    set.before_update(training);
    return set.measured();
  };
  EXPECT_GT(first(apart(false), "rank_collapse", "embedding"), 0.9);
  EXPECT_EQ(first(apart(true), "rank_collapse", "embedding"), 0);
  EXPECT_NEAR(first(apart(true), "rank_collapse", "blocks.0.resid_post"), 0, 1e-6);
}

TEST(RequestedProbes, AreMadeOnRequestAlone) {
  Training training(defaults_for("copy"));
  ProbeSet set({.last_step = 0});
  EXPECT_FALSE(set.measured().contains("stable_rank"));
  EXPECT_THROW(check_probes({"stable_rang"}), Error);
}

}  // namespace
}  // namespace lockstep::train
