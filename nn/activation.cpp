#include "nn/activation.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "core/ops.h"

namespace lockstep::nn {
namespace {

// exp(x) - 1 where x < 0, else x; the first argument of exp is never positive.
Tensor elu(const Tensor& x) { return relu(x) + (exp(-relu(-x)) - 1); }

// scale (x where x > 0, else alpha (exp(x) - 1)). Klambauer et al. 2017.
Tensor selu(const Tensor& x) {
  constexpr double alpha = 1.6732632423543772848170429916717, scale = 1.0507009873554804934193349852946;
  return scale * (relu(x) + alpha * (exp(-relu(-x)) - 1));
}

}  // namespace

Tensor prelu(const Tensor& x, const Tensor& slope) { return relu(x) - slope * relu(-x); }

Tensor activate(const Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu(x, Gelu::tanh);
    case Activation::geglu: {
      const std::int64_t half = x.size(-1) / 2;
      return slice(x, -1, 0, half) * gelu(slice(x, -1, half, 2 * half));
    }
    case Activation::relu:
      return relu(x);
    case Activation::relu6:
      return clamp(x, 0, 6);
    case Activation::leaky_relu:
      return leaky_relu(x);
    case Activation::prelu:
      fail("[activate] prelu has a slope to learn, which this module does not have: take leaky_relu");
    case Activation::elu:
      return elu(x);
    case Activation::selu:
      return selu(x);
    case Activation::silu:
      return silu(x);
    case Activation::mish:
      return x * tanh(softplus(x));
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return tanh(x);
  }
  fail("[activate] unknown activation");
}

Activation activation_from(const std::string& name) {
  static const std::map<std::string, Activation> known = {
      {"gelu", Activation::gelu},   {"gelu_tanh", Activation::gelu_tanh},
      {"geglu", Activation::geglu}, {"relu", Activation::relu},
      {"relu6", Activation::relu6}, {"leakyrelu", Activation::leaky_relu},
      {"prelu", Activation::prelu}, {"elu", Activation::elu},
      {"selu", Activation::selu},   {"silu", Activation::silu},
      {"swish", Activation::silu},  {"memswish", Activation::silu},
      {"mish", Activation::mish},   {"sigmoid", Activation::sigmoid},
      {"tanh", Activation::tanh},
  };
  std::string lower = name, names;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (const auto found = known.find(lower); found != known.end()) return found->second;
  for (const auto& [known_name, value] : known) names += (names.empty() ? "" : ", ") + known_name;
  fail("expected an activation ({}), got \"{}\"", names, name);
}

}  // namespace lockstep::nn
