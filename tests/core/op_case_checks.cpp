#include "tests/core/op_case_checks.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops.h"
#include "core/random/keyed_stream.h"

namespace lockstep::cases {

Tensor random_like(const Tensor& x, const std::string& name) {
  Tensor y = empty(x.shape(), {x.dtype()});
  const KeyedStream stream(2, "op cases", name);
  dispatch_real(x.dtype(), [&](auto t) {
    stream.fill_normal(std::span(y.data<decltype(t)>(), static_cast<std::size_t>(y.numel())), 0, 1);
  });
  return to(y, x.device());
}

Inputs real_ones(const Inputs& inputs) {
  Inputs real;
  std::copy_if(inputs.begin(), inputs.end(), std::back_inserter(real),
               [](const Tensor& x) { return is_real(x.dtype()); });
  return real;
}

Tensor objective(const OpCase& op, const Inputs& inputs) {
  const Tensor y = op.call(inputs);
  return sum(y * random_like(y, op.name));
}

Inputs gradients(const OpCase& op, const Inputs& inputs, bool create_graph) {
  return grad(objective(op, inputs), real_ones(inputs), {}, {.create_graph = create_graph});
}

Inputs second_derivatives(const OpCase& op, const Inputs& inputs, const Inputs& directions) {
  const Inputs first = gradients(op, inputs, true), real = real_ones(inputs);
  Tensor along = zeros({}, first[0].options());
  for (std::size_t i = 0; i < first.size(); ++i) along = along + sum(first[i] * directions[i]);
  Inputs second(real.size());
  if (along.requires_grad()) second = grad(along, real, {}, {.allow_unused = true});
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (!second[i].defined()) second[i] = zeros_like(real[i]);
  }
  return second;
}

double largest(const std::vector<double>& values) {
  double size = 0;
  for (double value : values) size = std::max(size, std::abs(value));
  return size;
}

double difference(const Tensor& actual, const Tensor& expected) {
  const std::vector<double> a = actual.to_vector(), e = expected.to_vector();
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - e[i]);
    most = d <= most ? most : d;  // NaN counts
  }
  return most / (1 + largest(e));
}

void expect_close(const Tensor& actual, const Tensor& expected, double relative, const std::string& what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  const std::vector<double> a = actual.to_vector(), e = expected.to_vector();
  const double allowed = relative * (1 + largest(e));
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], e[i], allowed) << what << ", element " << i;
}

Tensor scattered(const Tensor& x) {
  std::vector<int> reverse;
  Dims shape;
  for (int i = x.rank() - 1; i >= 0; --i) {
    reverse.push_back(i);
    shape.push_back(2 * x.size(i) + 1);
  }
  const NoGrad no_grad;
  Tensor view = zeros(shape, x.options());
  for (int i = 0; i < x.rank(); ++i) view = slice(view, i, 1, view.size(i), 2);
  if (x.rank() > 0) view = permute(view, reverse);
  kernels(view).copy(view, x);
  return view.detach();
}

}  // namespace lockstep::cases
