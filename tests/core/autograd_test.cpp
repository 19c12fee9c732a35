#include "core/autograd.h"

#include <gtest/gtest.h>

#include "core/ops.h"

namespace lockstep {
namespace {

Tensor leaf(const Dims& shape, const std::vector<double>& values) {
  return from_values(shape, values).set_requires_grad();
}

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Autograd, AccumulatesOverUsesAndPasses) {
  Tensor x = leaf({2}, {3, 4});
  backward(sum(x * x + x));
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{7, 9}));
  backward(sum(x));
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{8, 10}));
  x.zero_grad();
  EXPECT_FALSE(x.grad().defined());
  backward(sum(x));
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{1, 1}));
}

TEST(Autograd, GradientOfABroadcastInputHasItsShape) {
  Tensor x = leaf({3, 1}, {1, 2, 3}), y = leaf({2}, {4, 5});
  backward(sum(x * y));
  EXPECT_EQ(x.grad().shape(), (Dims{3, 1}));
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{9, 9, 9}));
  EXPECT_EQ(y.grad().to_vector(), (std::vector<double>{6, 6}));
}

TEST(Autograd, SharedGradientIsNotAliased) {
  Tensor a = leaf({1}, {1}), b = leaf({1}, {1});
  backward(a + b);
  backward(a * 2.0);
  EXPECT_EQ(a.grad().item(), 3);
  EXPECT_EQ(b.grad().item(), 1);
}

TEST(Autograd, SecondAndThirdDerivatives) {
  Tensor x = leaf({}, {2});
  const Tensor y = pow(x, 4);
  const std::array inputs{x};
  const Tensor first = grad(y, inputs, {}, {.create_graph = true})[0];
  const Tensor second = grad(first, inputs, {}, {.create_graph = true})[0];
  const Tensor third = grad(second, inputs)[0];
  EXPECT_DOUBLE_EQ(first.item(), 32);
  EXPECT_DOUBLE_EQ(second.item(), 48);
  EXPECT_DOUBLE_EQ(third.item(), 48);
}

TEST(Autograd, OpsThatUseTheirOutputCanBeDifferentiatedAgain) {
  Tensor x = leaf({}, {0.5});
  const std::array inputs{x};
  const Tensor first = grad(exp(x * 2.0), inputs, {}, {.create_graph = true})[0];
  EXPECT_NEAR(grad(first, inputs)[0].item(), 4 * std::exp(1.0), 1e-14);
}

TEST(Autograd, FusedOpsDifferentiateThroughTheirReference) {
  Tensor x = leaf({2, 2}, {1, 2, 3, 4}), w = leaf({1, 2}, {5, 6});
  const std::array inputs{x, w};
  const Tensor y = sum(square(linear(x, w)));
  const std::vector<Tensor> first = grad(y, inputs, {}, {.create_graph = true});
  const Tensor mixed = grad(sum(first[0]), inputs)[1];  // d/dw sum_ij 2 (x w)_i w_j
  // (x w) = 17, 39; d/dw_k = 2 sum_i (x_ik sum_j w_j + (x w)_i) = 2 (11 sum_i x_ik + 56)
  EXPECT_EQ(mixed.to_vector(), (std::vector<double>{2 * (11 * 4 + 56), 2 * (11 * 6 + 56)}));
}

TEST(Autograd, GradOfAnInnerTensor) {
  Tensor x = leaf({}, {3});
  const Tensor inner = square(x);
  const Tensor y = inner * x;
  const std::array inputs{inner, x};
  const std::vector<Tensor> gradients = grad(y, inputs);
  EXPECT_EQ(gradients[0].item(), 3);
  EXPECT_EQ(gradients[1].item(), 27);
  EXPECT_FALSE(x.grad().defined());
}

TEST(Autograd, AGraphAMillionOpsDeepNeitherRecursesNorLeaks) {
  Tensor x = leaf({}, {1});
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + 1.0;
  backward(y);
  EXPECT_EQ(x.grad().item(), 1);
  y = x;
  for (int i = 0; i < 1'000'000; ++i) y = -y;  // destroyed without a backward pass
}

TEST(Autograd, NoGradRecordsNothing) {
  Tensor x = leaf({}, {1});
  const NoGrad guard;
  EXPECT_FALSE((x * 2.0).requires_grad());
}

TEST(Autograd, Errors) {
  Tensor x = leaf({2}, {1, 2});
  EXPECT_NE(message_of([&] { backward(x * x); }).find("expected a tensor of one element"), std::string::npos);
  EXPECT_NE(message_of([&] { backward(ones({})); }).find("nothing to differentiate"), std::string::npos);

  const Tensor y = sum(x * x);
  backward(y);
  EXPECT_NE(message_of([&] { backward(y); }).find("freed"), std::string::npos);

  const Tensor z = sum(x * x);
  x.mark_changed();
  EXPECT_NE(message_of([&] { backward(z); }).find("changed in place"), std::string::npos);

  EXPECT_NE(message_of([&] {
              matmul(ones({2, 3, 4}), ones({5, 6}));
            }).find("(2, 3, 4) x (5, 6): 4 != 5"),
            std::string::npos);
}

}  // namespace
}  // namespace lockstep
