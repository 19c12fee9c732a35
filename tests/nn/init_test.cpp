#include "nn/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/scope.h"

namespace lockstep {
namespace {

using Granularity::head;
using Granularity::part;
using Granularity::tensor;

constexpr std::int64_t d = 16;

std::vector<LogicalPart> qkv_parts() {
  return {{"attn.q.weight", 0, d, 4}, {"attn.k.weight", d, 2 * d, 4}, {"attn.v.weight", 2 * d, 3 * d, 4}};
}

Tensor combined(const Init& init, ScopeOptions options = {}) {
  const Scope root(Seed{5}, options);
  return (root / "attn" / "qkv").parameter("weight", {3 * d, d}, init, qkv_parts()).detach();
}

// to_q, to_k and to_v below each other.
Tensor separate(const Init& init, ScopeOptions options = {}) {
  const Scope attn = Scope(Seed{5}, options) / "attn";
  std::vector<Tensor> found;
  for (const char* name : {"q", "k", "v"}) {
    const std::string logical = attn.path(name) + ".weight";
    found.push_back((attn / ("to_" + std::string(name)))
                        .parameter("weight", {d, d}, init, {{logical, 0, d, 4}})
                        .detach());
  }
  return cat(found, 0);
}

double largest_difference(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); }
double rms(const Tensor& x) { return std::sqrt(mean(square(x)).item()); }
Tensor gram(const Tensor& x) { return matmul(x, transpose(x, 0, 1)); }

TEST(Init, ByPartStorageMakesNoDifference) {
  for (const char* name : {"kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal",
                           "orthogonal", "normal", "trunc_normal", "uniform", "sparse"}) {
    for (const Granularity by : {part, head}) {
      const Init init(init_from(name), by, by);
      EXPECT_EQ(combined(init).to_vector(), separate(init).to_vector()) << name;
    }
  }
}

TEST(Init, XavierByTheWholeTensorIsTheSameNumbersScaled) {
  const Tensor whole = combined(init::XavierUniform{}, {.dtype = DType::f64});
  const Tensor parts = separate(init::XavierUniform{}, {.dtype = DType::f64});
  // bound = sqrt(6 / (fan_in + fan_out)): fan_out 3 d against d, so sqrt(2) smaller.
  EXPECT_LT(largest_difference(whole * std::sqrt(2.0), parts), 1e-15);
  const Tensor heads = combined(Init(init::XavierUniform{}, head, head), {.dtype = DType::f64});
  EXPECT_LT(largest_difference(heads / std::sqrt((d + d) / (d + d / 4.0)), parts), 1e-15);
}

Tensor norms_of_parts(const Tensor& w) { return sqrt(sum(square(reshape(w, {3, d * d})), {1})); }

// Norms of parts by `scale`, directions by `direction`.
void expect_matched(const Tensor& both, const Tensor& direction, const Tensor& scale) {
  EXPECT_LT(largest_difference(norms_of_parts(both), norms_of_parts(scale)), 1e-12);
  const Tensor dots = sum(reshape(both * direction, {3, d * d}), {1});
  EXPECT_LT(largest_difference(dots / (norms_of_parts(both) * norms_of_parts(direction)),
                               ones({3}, both.options())),
            1e-12);
}

TEST(Init, OrthogonalSplitsIntoDirectionAndScale) {
  const ScopeOptions f64{.dtype = DType::f64};
  const Tensor whole = combined(init::Orthogonal{}, f64), parts = separate(init::Orthogonal{}, f64);
  // Orthonormal columns of the whole; orthogonal parts; the study's ratio of standard deviations, sqrt(3).
  const Tensor eye = Scope(Seed{}, f64).parameter("eye", {d, d}, init::Eye{}).detach();
  EXPECT_LT(largest_difference(gram(transpose(whole, 0, 1)), eye), 1e-13);
  EXPECT_LT(largest_difference(gram(slice(parts, 0, d, 2 * d)), eye), 1e-13);
  EXPECT_NEAR(rms(parts) / rms(whole), std::sqrt(3.0), 1e-12);
  expect_matched(combined(Init(init::Orthogonal{}, part, tensor), f64), parts, whole);
  expect_matched(combined(Init(init::Orthogonal{}, tensor, part), f64), whole, parts);
  // A head's (4, 16) block is wide: its rows are orthonormal.
  const Tensor heads = combined(Init(init::Orthogonal{}, head, head), f64);
  EXPECT_LT(largest_difference(gram(slice(heads, 0, 4, 8)), slice(slice(eye, 0, 0, 4), 1, 0, 4)), 1e-13);
}

TEST(Init, ARedrawIsAnotherSetOfNumbersOfTheSameKind) {
  const Tensor first = combined(init::Normal{});
  const Tensor again = combined(Init(init::Normal{}, tensor, tensor, 1));
  EXPECT_NEAR(rms(again), 1, 0.1);
  EXPECT_LT(std::abs(mean(first * again).item()), 0.15);
}

TEST(Init, SparseZeroesAShareOfEveryColumn) {
  const Tensor w = combined(init::Sparse{.sparsity = 0.26, .std = 1});
  for (std::int64_t j = 0; j < d; ++j) {
    const std::vector<double> column = select(w, 1, j).to_vector();
    EXPECT_EQ(std::count(column.begin(), column.end(), 0.0), std::ceil(0.26 * 3 * d));
  }
}

TEST(Init, ErrorsSayWhatIsWanted) {
  const Scope root;
  EXPECT_THROW(root.parameter("a", {3}, init::XavierUniform{}), Error);
  EXPECT_THROW(root.parameter("b", {3, 3}, init::Dirac{}), Error);
  try {
    init_from("xavier");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("xavier_uniform"), std::string::npos);
  }
}

}  // namespace
}  // namespace lockstep
