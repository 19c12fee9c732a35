#include "optim/clip.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

double norm_of_rows(const Tensor& x, std::int64_t begin, std::int64_t end) {
  const std::vector<double> values = x.to_vector();
  double sum = 0;
  for (std::int64_t i = begin * model_d; i < end * model_d; ++i)
    sum += std::pow(values[static_cast<std::size_t>(i)], 2);
  return std::sqrt(sum);
}

TEST(Clip, JointNorm) {
  ParameterList model = separate_qkv(0, DType::f64);
  set_gradients(model, 0);
  double sum = 0;
  for (const Parameter& p : model) sum += std::pow(norm_of_rows(p.tensor.grad(), 0, model_d), 2);
  EXPECT_NEAR(clip_grad_norm(model, 100).item(), std::sqrt(sum), 1e-12);
  EXPECT_NEAR(clip_grad_norm(model, 2).item(), std::sqrt(sum), 1e-12);  // 100 changed nothing
  EXPECT_NEAR(grad_norm(model).item(), 2, 1e-5);                        // 1e-6 in the denominator
}

TEST(Clip, EachBlockOnItsOwn) {
  for (const auto& [by, height] :
       {std::pair{Granularity::tensor, 3 * model_d}, std::pair{Granularity::part, model_d},
        std::pair{Granularity::head, model_d / 2}}) {
    ParameterList model = combined_qkv(0, DType::f64);
    set_gradients(model, 0);
    clip_grad_norm_each(model, 0.5, by);
    for (std::int64_t begin = 0; begin < 3 * model_d; begin += height) {
      EXPECT_NEAR(norm_of_rows(model[0].tensor.grad(), begin, begin + height), 0.5, 1e-5) << to_string(by);
    }
  }
}

TEST(Clip, ByPartOnCombinedEqualsByTensorOnSeparate) {
  ParameterList combined = combined_qkv(0), separate = separate_qkv(0);
  set_gradients(combined, 0), set_gradients(separate, 0);
  clip_grad_norm_each(combined, 0.5, Granularity::part);
  clip_grad_norm_each(separate, 0.5, Granularity::tensor);
  const std::vector<double> whole = combined[0].tensor.grad().to_vector();
  std::vector<double> parts;
  for (const Parameter& p : separate) {
    for (double value : p.tensor.grad().to_vector()) parts.push_back(value);
  }
  EXPECT_EQ(whole, parts);
}

TEST(Clip, ByValue) {
  ParameterList model = combined_qkv(0);
  model[0].tensor.set_grad(full(model[0].tensor.shape(), -3));
  clip_grad_value(model, 0.25);
  for (double value : model[0].tensor.grad().to_vector()) EXPECT_EQ(value, -0.25);
}

TEST(Clip, LeavesOutWhatHasNoGradient) {
  const ParameterList model = combined_qkv(0);
  EXPECT_EQ(clip_grad_norm(model, 1).item(), 0);
  EXPECT_EQ(clip_grad_norm_each(model, 1, Granularity::head).item(), 0);
}

}  // namespace
}  // namespace lockstep::optim
