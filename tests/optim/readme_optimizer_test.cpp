// The optimizer that README.md adds: its file and one line, and it has a name, settings and messages.
#include <gtest/gtest.h>

#include "optim/optim.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
#include "readme_optimizer.h"
namespace {

TEST(ReadmeOptimizer, IsKnownByItsName) {
  ParameterList model = combined_qkv(0, DType::f64);
  const auto ball = make_optimizer("heavyball", model, {{"lr", 0.5}, {"momentum", 0.25}});
  std::vector<double> p = all_values(model), b(p.size());
  for (int step = 0; step < 3; ++step) {
    set_gradients(model, step);
    const std::vector<double> g = model[0].tensor.grad().to_vector();
    ball->step();
    for (std::size_t i = 0; i < p.size(); ++i) p[i] -= 0.5 * (b[i] = 0.25 * b[i] + g[i]);
  }
  const std::vector<double> stepped = all_values(model);
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(stepped[i], p[i], 1e-12);
  EXPECT_EQ(to_string(default_settings("HeavyBall").at("momentum")), "0.9");
  EXPECT_FALSE(couples_rows("heavyball"));
  EXPECT_THROW(make_optimizer("heavyball", model, {{"momentum", 1.0}}), Error);
  EXPECT_THROW(make_optimizer("heavyball", model, {{"beta1", 0.9}}), Error);
}

}  // namespace
}  // namespace lockstep::optim
