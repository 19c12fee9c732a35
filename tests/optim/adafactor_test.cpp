// Adafactor by whole tensors, parts and heads. What scale_by does is in tests/optim/matched_test.cpp.
#include "optim/adafactor.h"

#include <gtest/gtest.h>

#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

std::vector<double> trained(ParameterList model, Granularity direction_by, Granularity scale_by) {
  Adafactor adafactor(model, {.lr = 0.1, .direction_by = direction_by, .scale_by = scale_by});
  for (int step = 0; step < 5; ++step) {
    set_gradients(model, step);
    // q, k and v of different sizes, or their scales could not be told apart.
    for (std::int64_t i = 0; model.size() == 1 && i < model_d * model_d; ++i)
      model[0].tensor.grad().data<double>()[i] *= 3;
    if (model.size() == 3) {
      for (std::int64_t i = 0; i < model_d * model_d; ++i) model[0].tensor.grad().data<double>()[i] *= 3;
    }
    adafactor.step();
  }
  return all_values(model);
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12) << i;
}

TEST(Adafactor, ByPartOnCombinedEqualsByTensorOnSeparate) {
  const std::vector<double> separate = trained(separate_qkv(0, DType::f64), by_tensor, by_tensor);
  expect_near(trained(combined_qkv(0, DType::f64), by_part, by_part), separate);
}

TEST(Adafactor, ScaleAndDirectionAreTwoEffects) {
  const auto run = [](Granularity direction_by, Granularity scale_by) {
    return trained(combined_qkv(0, DType::f64), direction_by, scale_by);
  };
  const std::set<std::vector<double>> different = {run(by_part, by_part), run(by_part, by_tensor),
                                                   run(by_tensor, by_part), run(by_tensor, by_tensor),
                                                   run(by_head, by_head)};
  EXPECT_EQ(different.size(), 5u);
}

}  // namespace
}  // namespace lockstep::optim
