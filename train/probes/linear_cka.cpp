#include "train/probes/linear_cka.h"

#include <cmath>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"
#include "train/probes/residual_stream.h"

namespace lockstep::train {

namespace {

// (rows, columns), each column with mean 0.
Tensor centred(const std::vector<double>& values, std::size_t rows) {
  const auto n = static_cast<std::int64_t>(rows);
  const Tensor x = from_values({n, static_cast<std::int64_t>(values.size()) / n}, values);
  return x - mean(x, {0}, true);
}

// ||b^T a||_F
double norm_of_product(const Tensor& a, const Tensor& b) {
  return norm(matmul(transpose(b, 0, 1), a)).item();
}

}  // namespace

double linear_cka(const std::vector<double>& x, const std::vector<double>& y, std::size_t rows) {
  const NoGrad no_grad;
  const Tensor a = centred(x, rows), b = centred(y, rows);
  const double both = norm_of_product(a, b);
  return both * both / (norm_of_product(a, a) * norm_of_product(b, b));
}

void LinearCka::before_update(const Training& training) {
  snapshot_ = {{"step", {static_cast<double>(at_)}}};
  for (const auto& [name, x] : residual_stream(training)) {
    snapshot_[name] = x.to_vector();
    snapshot_["rows"] = {static_cast<double>(x.numel() / x.size(-1))};
  }
}

Series LinearCka::between(const Snapshot& run, const Snapshot& reference) {
  Series series{.steps = {static_cast<std::int64_t>(run.at("step").front())}};
  const auto rows = static_cast<std::size_t>(run.at("rows").front());
  for (const auto& [name, values] : run) {
    if (name == "step" || name == "rows") continue;
    series.names.push_back(name);
    series.values.push_back(linear_cka(values, reference.at(name), rows));
  }
  return series;
}

}  // namespace lockstep::train
