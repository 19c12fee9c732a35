#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/training/training.h"

namespace lockstep::train {

// The residual stream of 16 validation inputs after the embedding and after each block: name and (16, tokens,
// d).
std::vector<std::pair<std::string, Tensor>> residual_stream(const Training& training);

}  // namespace lockstep::train
