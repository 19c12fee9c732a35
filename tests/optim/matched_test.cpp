// direction_by and scale_by: the update of each part, or head, has the direction of the rule by the one and
// the Frobenius norm that it has in the update of the rule by the other.
#include <gtest/gtest.h>

#include <functional>

#include "optim/adafactor.h"
#include "optim/muon.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

using Values = std::vector<double>;
using Make = std::function<std::unique_ptr<Optimizer>(const ParameterList&, Granularity, Granularity)>;

std::unique_ptr<Optimizer> make_muon(const ParameterList& model, Granularity direction, Granularity scale) {
  return std::make_unique<Muon>(
      model, MuonOptions{.lr = 0.02, .weight_decay = 0, .direction_by = direction, .scale_by = scale});
}
std::unique_ptr<Optimizer> make_adafactor(const ParameterList& model, Granularity direction,
                                          Granularity scale) {
  return std::make_unique<Adafactor>(
      model, AdafactorOptions{.lr = 0.1, .direction_by = direction, .scale_by = scale});
}

// What the second step changes, from weights and states that do not depend on the first: q, k and v of
// different sizes, or their norms could not be told apart.
Values update_of(const Make& make, Granularity direction, Granularity scale) {
  ParameterList model = combined_qkv(0, DType::f64);
  const Values start = all_values(model);
  const auto optimizer = make(model, direction, scale);
  Values before;
  for (int step = 0; step < 2; ++step) {
    copy_values(model, combined_qkv(0, DType::f64));
    set_gradients(model, step);
    double* gradient = model[0].tensor.grad().data<double>();
    for (std::int64_t i = 0; i < model_d * model_d; ++i) gradient[i] *= 3;
    optimizer->step();
  }
  Values change = all_values(model);
  for (std::size_t i = 0; i < change.size(); ++i) change[i] -= start[i];
  return change;
}

double dot(const Values& a, const Values& b, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t i = begin; i < end; ++i) sum += a[i] * b[i];
  return sum;
}

void expect_matched(const Make& make, Granularity direction, Granularity scale, std::size_t rows_of_a_piece) {
  const Values update = update_of(make, direction, scale),
               as_direction = update_of(make, direction, direction), as_scale = update_of(make, scale, scale);
  const std::size_t size = rows_of_a_piece * model_d;
  for (std::size_t begin = 0; begin < update.size(); begin += size) {
    const auto product = [&](const Values& a, const Values& b) { return dot(a, b, begin, begin + size); };
    const double norm = std::sqrt(product(update, update)),
                 of_direction = std::sqrt(product(as_direction, as_direction)),
                 of_scale = std::sqrt(product(as_scale, as_scale));
    EXPECT_NEAR(norm / of_scale, 1, 1e-9);
    EXPECT_NEAR(product(update, as_direction) / (norm * of_direction), 1, 1e-9);
    EXPECT_GT(std::abs(of_direction / of_scale - 1), 1e-3);  // or this would show nothing
  }
}

TEST(Matched, Muon) {
  expect_matched(make_muon, by_tensor, by_part, model_d);
  expect_matched(make_muon, by_part, by_tensor, model_d);
  expect_matched(make_muon, by_tensor, by_head, model_d / 2);
  expect_matched(make_muon, by_head, by_tensor, model_d / 2);
}

TEST(Matched, Adafactor) {
  expect_matched(make_adafactor, by_tensor, by_part, model_d);
  expect_matched(make_adafactor, by_part, by_tensor, model_d);
  expect_matched(make_adafactor, by_head, by_part, model_d / 2);
}

TEST(Matched, AsOneWithSeparateStorage) {  // three tensors have nothing to be matched with
  for (const Make& make : {Make(make_muon), Make(make_adafactor)}) {
    ParameterList matched = separate_qkv(0, DType::f64), plain = separate_qkv(0, DType::f64);
    const auto a = make(matched, by_tensor, by_part), b = make(plain, by_tensor, by_tensor);
    for (int step = 0; step < 3; ++step) {
      set_gradients(matched, step), set_gradients(plain, step);
      a->step(), b->step();
    }
    const Values of_a = all_values(matched), of_b = all_values(plain);
    for (std::size_t i = 0; i < of_a.size(); ++i) EXPECT_NEAR(of_a[i], of_b[i], 1e-12);
  }
}

// sqrt(1 / max(rows, columns)) times Muon's factor sqrt(max(1, rows / columns)), with the exact polar factor:
// whole (192, 64) and parts (64, 64) both have 0.125, heads (16, 64) too.
TEST(Muon, RootMeanSquareOfAnUpdate) {
  constexpr std::int64_t d = 64;
  for (const Granularity by : {by_tensor, by_part, by_head}) {
    ParameterList model = {
        {"qkv.weight",
         zeros({3 * d, d}),
         {{"q.weight", 0, d, 4}, {"k.weight", d, 2 * d, 4}, {"v.weight", 2 * d, 3 * d, 4}}}};
    const Tensor gradient = empty({3 * d, d});
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      gradient.data<float>()[i] = static_cast<float>(irregular(i / d * 8 + i % d / 8, i % 8, 0));
    }
    model[0].tensor.set_requires_grad().set_grad(gradient);
    Muon muon(model,
              {.lr = 1, .weight_decay = 0, .polar = MuonPolar::exact, .direction_by = by, .scale_by = by});
    muon.step();
    const Tensor& p = model[0].tensor;
    EXPECT_NEAR(std::sqrt(mean(p * p).item()), 0.125, 1e-6) << to_string(by);
  }
}

}  // namespace
}  // namespace lockstep::optim
