#pragma once

#include <optional>
#include <string>

#include "core/ops/activations.h"

namespace lockstep::nn {

// A nonlinearity with the one number that some have; without it, PyTorch's default.
struct Activation {
  enum Kind : std::uint8_t {
    identity,
    relu,
    relu6,
    leaky_relu,  // slope, 0.01
    prelu,       // first slope, 0.25; it is learned, and so needs a module that has it (MLPBlock)
    elu,         // alpha, 1
    celu,        // alpha, 1
    selu,
    gelu,
    gelu_tanh,
    geglu,  // halves the last dimension: (x, gate) -> x gelu(gate)
    silu,   // x sigmoid(alpha x), alpha 1
    mish,
    sigmoid,
    tanh,
    softmax,      // dimension; PyTorch's default is 0 for tensors of rank 0, 1 and 3, else 1
    log_softmax,  // the same
  };
  // NOLINTNEXTLINE(google-explicit-constructor): so that Activation::relu can stand where one is wanted.
  constexpr Activation(Kind the_kind, std::optional<double> the_number = {})
      : kind(the_kind), number(the_number) {}

  Kind kind;
  std::optional<double> number;
};

using lockstep::prelu;

// Of x's shape, for geglu half as wide. Throws for prelu, and for geglu with an odd width.
Tensor activate(const Tensor& x, const Activation& activation);

// MONAI's and PyTorch's names, in any case: "GELU", "swish", ...; "" is the identity. Throws for an unknown
// one, with the known ones.
Activation activation_from(const std::string& name);

}  // namespace lockstep::nn
