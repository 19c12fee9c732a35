#pragma once

#include <functional>
#include <vector>

#include "core/tensor.h"

namespace lockstep {

// f(inputs), of which nothing but the inputs and the result is kept: the backward pass computes f again
// (activation checkpointing, Chen et al. 2016, arXiv:1604.06174). f must give the same the second time; a
// TrainingMode that its dropout asks for must live until then, and each dropout in it then draws the masks of
// a new call: use it without dropout. Parameters that f uses get their gradients as ever. To any order of
// derivative. Throws what f throws.
Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                  const std::vector<Tensor>& inputs);

}  // namespace lockstep
