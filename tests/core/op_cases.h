#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/ops.h"

// The one list of op cases. It drives the derivative tests (op_cases_test.cpp) and the timings
// (tests/bench/ops_bench.cpp): a new op is a line here.
namespace lockstep::cases {

// How an input is drawn.
struct Input {
  enum class Kind { normal, positive, index, bits } kind;
  Dims shape;
  std::int64_t high = 0;  // indices lie in [0, high)
};

Input normal(const Dims& shape);    // standard normal
Input positive(const Dims& shape);  // uniform in (0.25, 2.25)
Input indices(std::int64_t high, const Dims& shape);
Input bits(const Dims& shape);  // u8, 0.7 of them 1

using Inputs = std::vector<Tensor>;

struct OpCase {
  std::string name;
  std::vector<Input> inputs;
  std::function<Tensor(const Inputs&)> call;
  std::vector<std::size_t> leading{};  // inputs that may together get one more leading dimension
  std::vector<Input> timed{};          // the inputs of a timing, if it is timed

  OpCase with_leading(std::vector<std::size_t> which) const;
  OpCase timed_at(std::vector<Input> which) const;
};

const std::vector<OpCase>& op_cases();
std::vector<OpCase> attention_cases();  // those of attention among them

// The inputs of a case: real ones as leaves of `dtype` that require a gradient. The same numbers every time.
Inputs draw(const std::vector<Input>& inputs, DType dtype, const std::string& name);

}  // namespace lockstep::cases
