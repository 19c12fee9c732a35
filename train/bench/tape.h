#pragma once

#include <string>
#include <vector>

#include "train/text/table.h"
namespace lockstep::train {

// Seconds of an op on four numbers, where its arithmetic takes next to nothing: the best of many chains of
// 1,000 ops.
struct TapeCost {
  std::string op;
  double forward_kernels = 0, backward_kernels = 0;  // the bare kernel calls
  double unrecorded = 0;  // the op while nothing records it: its checks and its output on top of its kernels
  double recorded = 0;    // the op while recorded, its part of the backward pass, and the end of its node
  // Recording, walking, freeing.
  double tape() const { return recorded - unrecorded - backward_kernels; }
};

std::vector<TapeCost> bench_tape();

std::string to_text(const std::vector<TapeCost>& costs, int width = unlimited);
std::string to_json(const std::vector<TapeCost>& costs);

}  // namespace lockstep::train
