// Every op of the list: its derivatives against finite differences, f32 against f64, the raw gradient of a
// fused op against its reference, strided inputs and leading dimensions.
#include <gtest/gtest.h>

#include "core/autograd.h"
#include "tests/core/op_case_checks.h"

namespace lockstep::cases {
namespace {

// Leaves with the values x + step d.
Inputs moved(const Inputs& inputs, const Inputs& directions, double step) {
  Inputs result;
  std::size_t i = 0;
  for (const Tensor& x : inputs) {
    if (!is_real(x.dtype())) {
      result.push_back(x);
      continue;
    }
    Tensor y = (x.detach() + directions[i++] * step).detach();
    result.push_back(y.set_requires_grad());
  }
  return result;
}

Inputs unit_directions(const Inputs& real, std::size_t input, std::int64_t element) {
  Inputs directions;
  for (const Tensor& x : real) directions.push_back(zeros_like(x));
  directions[input].data<double>()[element] = 1;
  return directions;
}

class Op : public testing::TestWithParam<OpCase> {
 protected:
  const OpCase& op = GetParam();
  Inputs inputs = draw(op.inputs, DType::f64, op.name);
  Inputs real = real_ones(inputs);
};

TEST_P(Op, DerivativesMatchFiniteDifferences) {
  constexpr double h = 1e-6;
  const Inputs first = gradients(op, inputs, false);
  for (std::size_t i = 0; i < real.size(); ++i) {
    const std::vector<double> analytic = first[i].to_vector();
    for (std::int64_t e = 0; e < real[i].numel(); ++e) {
      const Inputs along = unit_directions(real, i, e);
      const double numeric =
          (objective(op, moved(inputs, along, h)).item() - objective(op, moved(inputs, along, -h)).item()) /
          (2 * h);
      ASSERT_NEAR(analytic[static_cast<std::size_t>(e)], numeric, 2e-8 * (1 + largest(analytic)))
          << "input " << i << ", element " << e;
    }
  }

  Inputs directions;
  for (std::size_t i = 0; i < real.size(); ++i)
    directions.push_back(random_like(real[i], op.name + " direction " + std::to_string(i)));
  const Inputs second = second_derivatives(op, inputs, directions);
  const Inputs above = gradients(op, moved(inputs, directions, h), false);
  const Inputs below = gradients(op, moved(inputs, directions, -h), false);
  for (std::size_t i = 0; i < real.size(); ++i)
    expect_close(second[i], (above[i] - below[i]) / (2 * h), 1e-7, "second derivative " + std::to_string(i));
}

// Inputs of another type, or undefined, are taken or refused with an Error that names an op and what came
// ("[softmax] expected f32 or f64, got i64 (2, 3): ..."): never a crash, never an error from a kernel.
TEST_P(Op, RefusesOtherInputsByName) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<Tensor> others{
        to(inputs[i], DType::i64), to(inputs[i], DType::u8), to(inputs[i], DType::f32), {}};
    for (const Tensor& other : others) {
      Inputs given = inputs;
      given[i] = other;
      try {
        op.call(given);
      } catch (const Error& error) {
        const std::string text = error.what();
        EXPECT_TRUE(text.starts_with("[") || text.starts_with("an undefined tensor was used: "))
            << "input " << i << ", " << describe(other) << ": " << text;
      }
    }
  }
}

TEST_P(Op, RawGradientEqualsTheDifferentiableOne) {
  const Inputs raw = gradients(op, inputs, false), reference = gradients(op, inputs, true);
  for (std::size_t i = 0; i < raw.size(); ++i) expect_close(raw[i], reference[i], 1e-13, "gradient");
}

TEST_P(Op, SinglePrecisionAgrees) {
  const Inputs single = draw(op.inputs, DType::f32, op.name);
  expect_close(op.call(single), op.call(inputs), 3e-6, "value");
  const Inputs a = gradients(op, single, false), b = gradients(op, inputs, false);
  for (std::size_t i = 0; i < a.size(); ++i) expect_close(a[i], b[i], 1e-5, "gradient");
}

TEST_P(Op, StridedInputsGiveTheSame) {
  Inputs strided;
  for (const Tensor& x : inputs) {
    strided.push_back(scattered(x));
    if (is_real(x.dtype())) strided.back().set_requires_grad();
  }
  expect_close(op.call(strided), op.call(inputs), 1e-13, "value");
  const Inputs a = gradients(op, strided, false), b = gradients(op, inputs, false);
  for (std::size_t i = 0; i < a.size(); ++i) expect_close(a[i], b[i], 1e-13, "gradient");
}

TEST_P(Op, ALeadingDimensionIsALoop) {
  if (op.leading.empty()) return;
  std::vector<Input> wider = op.inputs;
  for (std::size_t which : op.leading) wider[which].shape.insert(0, 2);
  const Inputs all = draw(wider, DType::f64, op.name);
  const Tensor y = op.call(all);
  for (std::int64_t i = 0; i < 2; ++i) {
    Inputs one = all;
    for (std::size_t which : op.leading) one[which] = select(all[which], 0, i);
    expect_close(select(y, 0, i), op.call(one), 1e-13, "slice " + std::to_string(i));
  }
}

INSTANTIATE_TEST_SUITE_P(Core, Op, testing::ValuesIn(op_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace

void PrintTo(const OpCase& op, std::ostream* out) { *out << op.name; }

}  // namespace lockstep::cases
