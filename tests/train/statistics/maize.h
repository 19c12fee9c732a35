#pragma once

#include <vector>

namespace lockstep::train {

// Darwin's maize: height of the crossed plant minus the self-fertilised one, 15 pairs, eighths of an inch.
// Fisher (The Design of Experiments, 1935, section 21) counted 863 of 32768 sign patterns with a sum of 314
// or more.
inline const std::vector<double> maize{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};

}  // namespace lockstep::train
