#include "nn/linear.h"

#include <cmath>

#include "core/ops/linear.h"

namespace lockstep::nn {
namespace {

std::vector<LogicalPart> logical_parts(const Scope& scope, const std::vector<RowPart>& parts,
                                       const char* kind) {
  std::vector<LogicalPart> found;
  std::int64_t begin = 0;
  for (const RowPart& part : parts) {
    found.push_back(
        {fmt::format("{}.{}", scope.sibling(part.name), kind), begin, begin + part.rows, part.heads});
    begin += part.rows;
  }
  return found;
}

}  // namespace

Linear::Linear(const Scope& scope, std::int64_t in, std::int64_t out, const LinearOptions& options) {
  check(in > 0 && out > 0, "[Linear] {}: expected positive sizes, got {} inputs and {} outputs", scope.path(),
        in, out);
  weight = scope.parameter("weight", {out, in}, options.init.weight,
                           logical_parts(scope, options.parts, "weight"));
  if (!options.bias) return;
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  bias = scope.parameter("bias", {out}, options.init.bias.value_or(init::Uniform{-bound, bound}),
                         logical_parts(scope, options.parts, "bias"));
}

Tensor Linear::operator()(const Tensor& x, const Tensor& plus) const { return linear(x, weight, bias, plus); }

}  // namespace lockstep::nn
