#pragma once

#include <string>

#include "core/tensor.h"

namespace lockstep::nn {

enum class Activation : std::uint8_t {
  gelu,
  gelu_tanh,
  geglu,
  relu,
  relu6,
  leaky_relu,
  prelu,
  elu,
  selu,
  silu,
  mish,
  sigmoid,
  tanh
};

// geglu halves the last dimension: (x, gate) -> x gelu(gate). The others work by element, with PyTorch's
// defaults. prelu has a slope to learn, and so needs a module that has one (MLPBlock).
Tensor activate(const Tensor& x, Activation activation);
// x where x > 0, else slope x; the slope broadcasts to x.
Tensor prelu(const Tensor& x, const Tensor& slope);

// MONAI's and PyTorch's names, in any case: "GELU", "swish", ... Throws for an unknown one, with the known
// ones.
Activation activation_from(const std::string& name);

}  // namespace lockstep::nn
