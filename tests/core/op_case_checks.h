#pragma once

#include "tests/core/op_cases.h"

// What the tests of the op cases compute and compare.
namespace lockstep::cases {

// Numbers for cotangents and directions, the same on every device.
Tensor random_like(const Tensor& x, const std::string& name);
Inputs real_ones(const Inputs& inputs);
// sum(y * cotangent), so that every op becomes a function to a number.
Tensor objective(const OpCase& op, const Inputs& inputs);
Inputs gradients(const OpCase& op, const Inputs& inputs, bool create_graph);
// The derivative of all gradients along all directions at once; zero where there is none.
Inputs second_derivatives(const OpCase& op, const Inputs& inputs, const Inputs& directions);
// The same values with gaps between them and the dimensions stored in reverse.
Tensor scattered(const Tensor& x);

double largest(const std::vector<double>& values);
// The largest difference, as a share of 1 + the largest expected number.
double difference(const Tensor& actual, const Tensor& expected);
void expect_close(const Tensor& actual, const Tensor& expected, double relative, const std::string& what);

}  // namespace lockstep::cases
