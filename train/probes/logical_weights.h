#pragma once

#include <array>
#include <span>
#include <vector>

#include "core/parameter.h"

namespace lockstep::train {

// A model's trained weights as numbers, in the order of their logical names, so that both storages give them
// in the same order. The key biases stand apart: they cancel in the softmax, so their gradient is rounding
// noise, which Adam blows up to full steps.
struct LogicalWeights {
  std::vector<double> values, key_biases;
};
LogicalWeights logical_weights(const ParameterList& parameters);

// The weight matrices of q, of k and of v, each over all layers, whatever the storage.
inline constexpr std::size_t projections = 3;
inline constexpr const char* projection_names[projections] = {"q", "k", "v"};
using ProjectionWeights = std::array<std::vector<double>, projections>;
ProjectionWeights projection_weights(const ParameterList& parameters);

double root_mean_square(std::span<const double> values);

}  // namespace lockstep::train
