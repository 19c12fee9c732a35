#pragma once

#include <span>

namespace lockstep {

// Box and Muller as PyTorch does it in place on blocks of 16 uniform numbers: the first 8 give the radii, the
// last 8 the angles; the cosines replace the first 8, the sines the last. `blocks` holds a multiple of 16
// numbers.
void torch_normal_blocks(std::span<float> blocks, float mean, float std);
void torch_normal_blocks(std::span<double> blocks, double mean, double std);

}  // namespace lockstep
