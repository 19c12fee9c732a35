// What is measured between two trainings.
#include <gtest/gtest.h>

#include <cmath>

#include "train/config/recipe.h"
#include "train/probes/first_parting.h"
#include "train/probes/linear_cka.h"
#include "train/probes/loss_barrier.h"

namespace lockstep::train {
namespace {

RunConfig small(std::int64_t seed) {
  RunConfig config = defaults_for("copy");
  config.seed = seed;
  config.layers = 1;
  config.width = 16;
  config.mlp = 16;
  return config;
}

Training trained(const RunConfig& config, int steps) {
  Training training(config);
  for (int i = 0; i < steps; ++i) training.step();
  return training;
}

TEST(FirstParting, NamesTheFirstStepAndTheFarthestTensorBeyondEachThreshold) {
  FirstParting partings;
  partings.look(0, {{"a", 0}, {"b", 1e-13}});
  partings.look(1, {{"a", 2e-6}, {"b", 1e-9}});
  partings.look(2, {{"a", 1e-5}, {"b", 1e-4}});
  ASSERT_TRUE(partings.beyond(0) && partings.beyond(1));
  EXPECT_EQ(partings.beyond(0)->step, 1);
  EXPECT_EQ(partings.beyond(1)->step, 1);
  EXPECT_EQ(partings.beyond(1)->what, "a");
  EXPECT_FALSE(partings.beyond(2));
  EXPECT_EQ(partings.farthest().what, "b");
  const Differences all =
      differences_between({{"a", {4, 3}}, {"b", {3, 4}}, {"k.bias", {1}}, {"x.k.bias", {1}}}, 2,
                          {{"a", {4, 0}}, {"b", {0, 0}}, {"k.bias", {1}}, {"x.k.bias", {2}}}, 2);
  EXPECT_EQ(all, (Differences{{"the loss", 0}, {"a", 0.75}, {"b", INFINITY}, {"k.bias", 0}}));
}

// numpy: x -= x.mean(0); y -= y.mean(0); norm(y.T @ x)**2 / (norm(x.T @ x) * norm(y.T @ y))
TEST(LinearCka, OfTwoMatrices) {
  const std::vector<double> x = {1, 2, 0, -1, 3, 5, 2, 2}, y = {0, 1, 4, 1, 1, 0, -2, 3, 2, 2, 1, 7};
  EXPECT_NEAR(linear_cka(x, y, 4), 0.2798567669, 1e-9);
  EXPECT_NEAR(linear_cka(x, x, 4), 1, 1e-12);
  std::vector<double> turned;  // by 30 degrees, three times as large, moved
  for (std::size_t i = 0; i < x.size(); i += 2) {
    turned.push_back(3 * (std::sqrt(0.75) * x[i] - 0.5 * x[i + 1]) + 5);
    turned.push_back(3 * (0.5 * x[i] + std::sqrt(0.75) * x[i + 1]) - 1);
  }
  EXPECT_NEAR(linear_cka(x, turned, 4), 1, 1e-12);
}

TEST(LinearCka, OfTheResidualStreamOfTwoRuns) {
  const Training one = trained(small(0), 5), other = trained(small(1), 5);
  const auto between = [](const Training& a, const Training& b) {
    LinearCka of_a(5), of_b(5);
    of_a.before_update(a);
    of_b.before_update(b);
    return LinearCka::between(of_a.measured().snapshot, of_b.measured().snapshot);
  };
  const Series same = between(one, one), different = between(one, other);
  EXPECT_EQ(same.names, (std::vector<std::string>{"blocks.0.resid_post", "embedding"}));
  for (const double likeness : same.values) EXPECT_NEAR(likeness, 1, 1e-6);
  for (const double likeness : different.values) {
    EXPECT_GT(likeness, 0);
    EXPECT_LT(likeness, 0.999);
  }
}

TEST(LossBarrier, IsZeroForOneRunInBothStoragesAndNotForTwoSeeds) {
  RunConfig combined = small(0), separate = small(0), other = small(1);
  separate.attention = "separate";
  combined.lr = separate.lr = other.lr = 1e-2;
  Training a = trained(combined, 60), b = trained(separate, 60), c = trained(other, 60);
  const LossBarrier same = loss_barrier(a, b, 4), apart = loss_barrier(a, c, 4);
  ASSERT_EQ(same.losses.size(), 5u);
  for (const double loss : same.losses) EXPECT_NEAR(loss, same.losses.front(), 1e-3);
  EXPECT_LT(same.height, 1e-3);
  EXPECT_DOUBLE_EQ(apart.losses.front(), a.evaluate().loss);
  EXPECT_GT(apart.height, 0.05);
}

}  // namespace
}  // namespace lockstep::train
