#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/parameter.h"
#include "nn/draws.h"

// Initialisers, as values. Formulas and names are those of torch.nn.init
// (docs.pytorch.org/docs/stable/nn.init.html). A weight is (rows, columns, kernel...): fan_in = columns *
// kernel, fan_out = rows * kernel.
namespace lockstep {

enum class FanMode : std::uint8_t { fan_in, fan_out };
enum class Nonlinearity : std::uint8_t { linear, sigmoid, tanh, relu, leaky_relu, selu };

// What a nonlinearity wants its inputs' standard deviation multiplied with (torch.nn.init.calculate_gain).
// `slope` is leaky_relu's.
double gain_of(Nonlinearity nonlinearity, double slope = 0.01);

namespace init {

struct Constant {
  double value = 0;
};
// Values computed elsewhere, of the parameter's shape; they are converted to its type.
struct Given {
  Tensor values;
};
struct Uniform {
  double low = 0, high = 1;
};
struct Normal {
  double mean = 0, std = 1;
};
// Normal, within [low, high].
struct TruncNormal {
  double mean = 0, std = 1, low = -2, high = 2;
  bool by_erfinv = false;  // with Rng::torch: MONAI's own and PyTorch's before 2.15, one draw a number
};
// std = gain(nonlinearity, a) / sqrt(fan). He et al. 2015, arXiv:1502.01852.
struct KaimingNormal {
  double a = 0;
  FanMode mode = FanMode::fan_in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};
struct KaimingUniform {  // U(-sqrt(3) std, sqrt(3) std)
  double a = 0;
  FanMode mode = FanMode::fan_in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
};
// std = gain sqrt(2 / (fan_in + fan_out)); uniform: U(-sqrt(3) std, sqrt(3) std). Glorot and Bengio 2010.
struct XavierNormal {
  double gain = 1;
};
struct XavierUniform {
  double gain = 1;
};
// gain Q, where Q R is a normal matrix, the diagonal of R positive: orthonormal columns, or rows where there
// are fewer rows than columns. Saxe et al. 2014, arXiv:1312.6120.
struct Orthogonal {
  double gain = 1;
};
// A matrix with 1 on its diagonal, else 0.
struct Eye {};
// Convolutions (out, in, kernel...) that pass their input on: 1 at the kernel's centre.
struct Dirac {
  int groups = 1;
};
// A matrix N(0, std), then a share of every column set to 0. Martens 2010.
struct Sparse {
  double sparsity = 0.1, std = 0.01;
};

}  // namespace init

using InitRule = std::variant<init::Constant, init::Given, init::Uniform, init::Normal, init::TruncNormal,
                              init::KaimingNormal, init::KaimingUniform, init::XavierNormal,
                              init::XavierUniform, init::Orthogonal, init::Eye, init::Dirac, init::Sparse>;

// A rule, and what it takes for one matrix: the stored tensor, each logical part, or each head.
// `direction_by` is what is made orthogonal in itself, or sparse by column; `scale_by` is whose shape the
// fans come from. Where they differ, each part (or head, the finer of both) has the Frobenius norm that the
// rule by scale_by gives it. The standard draws are the same in every case, so between two granularities
// nothing else differs.
struct Init {
  // NOLINTNEXTLINE(google-explicit-constructor): so that a rule can stand where an Init is wanted.
  template <typename Rule>
  requires std::is_constructible_v<InitRule, Rule> Init(Rule the_rule) : rule(the_rule) {}
  Init(InitRule the_rule, Granularity direction, Granularity scale, std::uint64_t draw = 0)
      : rule(the_rule), direction_by(direction), scale_by(scale), redraw(draw) {}

  InitRule rule;
  Granularity direction_by = Granularity::tensor;
  Granularity scale_by = Granularity::tensor;
  std::uint64_t redraw = 0;  // keyed numbers only: another set of draws, independent of set 0
  std::optional<std::int64_t> zero_row = {};  // set to 0 when all is drawn
};

// Fills the parameter's tensor. Throws for one of a shape that the rule does not take: fans and orthogonal
// need two dimensions or more, eye and sparse exactly two, dirac three to five and groups that divide the
// rows, given values the same.
void initialize(const Parameter& parameter, const Init& init, RandomSource source);

// "xavier_uniform" and so on, with torch.nn.init's default arguments, except that kaiming_uniform has a =
// sqrt(5), as PyTorch's layers have. Throws for an unknown name, with the known ones.
InitRule init_from(const std::string& name);
std::vector<std::string> init_names();

}  // namespace lockstep
