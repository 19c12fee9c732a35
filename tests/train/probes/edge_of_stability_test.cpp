// The sharpness against what is known of it: at the edge of stability (Cohen et al. 2021) gradient descent
// with the rate eta keeps it near 2 / eta, full-batch Adam (Cohen et al. 2022) its preconditioned one near 38
// / eta.
#include <gtest/gtest.h>

#include <cmath>

#include "data/tasks/task.h"
#include "lockstep.h"
#include "train/probes/loss_gradient.h"

namespace lockstep::train {
namespace {

// tanh 64-64-64-10 on the first 1,000 images of digits, standardised, half squared error, full batch.
class DigitsNet {
 public:
  DigitsNet() {
    const data::Batch all = data::make_task("digits", 0)->training(0, 1'000);
    const Tensor pixels = to(reshape(all.inputs, {1'000, 64}), DType::f32);
    const Tensor centred = pixels - mean(pixels, {0}, true);
    images_ = centred / (sqrt(mean(centred * centred, {0}, true)) + 1e-8);
    wanted_ = to(one_hot(all.targets, 10), DType::f32);
  }

  std::vector<Tensor> weights() const {
    std::vector<Tensor> list;
    for (const Parameter& parameter : root_.parameters()) list.push_back(parameter.tensor);
    return list;
  }
  Tensor loss() const {
    const Tensor outputs = last_(tanh(second_(tanh(first_(images_)))));
    const Tensor error = outputs - reshape(wanted_, outputs.shape());
    return 0.5 * sum(error * error) / 1'000.0;
  }
  LossGradient at() const {
    return LossGradient(weights(), [&] { return loss(); });
  }
  void train(optim::Optimizer& optimizer, int steps) {
    for (int i = 0; i < steps; ++i) {
      optimizer.zero_grad();
      backward(loss());
      optimizer.step();
    }
  }
  ParameterList parameters() const { return root_.parameters(); }

 private:
  Scope root_{Seed{0}};
  nn::Linear first_{root_ / "first", 64, 64}, second_{root_ / "second", 64, 64},
      last_{root_ / "last", 64, 10};
  Tensor images_, wanted_;
};

TEST(Sharpness, OfAQuadraticIsItsLargestEigenvalue) {
  Tensor x = from_values({3}, {1.0, -2.0, 0.5});
  x.set_requires_grad();
  const Tensor bends = from_values({3}, {2.0, 7.0, 3.0});
  const LossGradient at({x}, [&] { return 0.5 * sum(bends * x * x); });
  EXPECT_NEAR(largest_eigenvalue(at), 7, 1e-6);
  EXPECT_NEAR(largest_eigenvalue(at, {from_values({3}, {2.0, 0.5, 1.0})}), 8, 1e-6);
}

TEST(Sharpness, GradientDescentTakesItToTheEdgeOfStability) {
  DigitsNet net;
  constexpr double lr = 0.2;
  optim::SGD descent(net.parameters(), {.lr = lr});
  net.train(descent, 1'500);
  for (int look = 0; look < 3; ++look) {
    net.train(descent, 250);
    EXPECT_NEAR(largest_eigenvalue(net.at()) * lr / 2, 1, 0.05) << look;
  }
}

TEST(Sharpness, PreconditionedAdamTakesItToItsOwnEdge) {
  DigitsNet net;
  constexpr double lr = 1e-3, beta2 = 0.999, eps = 1e-7;
  optim::Adam adam(net.parameters(), {.lr = lr, .betas = {0.9, beta2}, .eps = eps});
  net.train(adam, 1'500);
  for (int steps = 1'750; steps <= 2'250; steps += 250) {
    net.train(adam, 250);
    std::vector<Tensor> scales;
    {
      const NoGrad no_grad;
      const optim::OptimizerState state = adam.state();
      for (const Parameter& v : state.at("exp_avg_sq"))
        scales.push_back(rsqrt(sqrt(v.tensor / (1 - std::pow(beta2, steps))) + eps));
    }
    EXPECT_NEAR(largest_eigenvalue(net.at(), scales) * lr, 38, 0.05 * 38) << steps;
  }
}

}  // namespace
}  // namespace lockstep::train
