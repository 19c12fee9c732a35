#include "nn/activation.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <ranges>

#include "core/joined.h"
#include "core/ops.h"

namespace lockstep::nn {
namespace {

int softmax_dim(const Tensor& x, const Activation& activation) {
  if (activation.number) return static_cast<int>(*activation.number);
  return x.rank() <= 1 || x.rank() == 3 ? 0 : 1;
}

}  // namespace

Tensor activate(const Tensor& x, const Activation& activation) {
  const double alpha = activation.number.value_or(1);
  switch (activation.kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::relu6:
      return clamp(x, 0, 6);
    case Activation::leaky_relu:
      return leaky_relu(x, activation.number.value_or(0.01));
    case Activation::prelu:
      fail("[activate] prelu has a slope to learn, which this module does not have: take leaky_relu");
    case Activation::elu:
      return elu(x, alpha);
    case Activation::celu:
      return celu(x, alpha);
    case Activation::selu:
      return selu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu(x, Gelu::tanh);
    case Activation::geglu: {
      const std::int64_t half = x.size(-1) / 2;
      check(x.size(-1) == 2 * half, "[activate] geglu halves the last dimension, which is odd in {}",
            describe(x));
      return slice(x, -1, 0, half) * gelu(slice(x, -1, half, 2 * half));
    }
    case Activation::silu:
      return alpha == 1 ? silu(x) : x * sigmoid(alpha * x);
    case Activation::mish:
      return x * tanh(softplus(x));
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::softmax:
      return softmax(x, softmax_dim(x, activation));
    case Activation::log_softmax:
      return log_softmax(x, softmax_dim(x, activation));
  }
  fail("[activate] unknown activation");
}

Activation activation_from(const std::string& name) {
  static const std::map<std::string, Activation> known = {
      {"", Activation::identity},
      {"celu", Activation::celu},
      {"elu", Activation::elu},
      {"geglu", Activation::geglu},
      {"gelu", Activation::gelu},
      {"gelu_tanh", Activation::gelu_tanh},
      {"leakyrelu", Activation::leaky_relu},
      {"logsoftmax", Activation::log_softmax},
      {"memswish", Activation::silu},
      {"mish", Activation::mish},
      {"prelu", Activation::prelu},
      {"relu", Activation::relu},
      {"relu6", Activation::relu6},
      {"selu", Activation::selu},
      {"sigmoid", Activation::sigmoid},
      {"silu", Activation::silu},
      {"softmax", Activation::softmax},
      {"swish", Activation::silu},
      {"tanh", Activation::tanh},
  };
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (const auto found = known.find(lower); found != known.end()) return found->second;
  fail("expected an activation ({}), got \"{}\"", joined(std::views::keys(known) | std::views::drop(1)),
       name);  // the first is ""
}

}  // namespace lockstep::nn
